#include "binding/devices.h"

#include "ops/embeddings.h"
#ifdef FACENET_ONEDNN
#include <dnnl_version.h>

#include "cpu/kernels.h"
#endif
#ifdef FACENET_CUDA
#include <sstream>

#include "native/cuda/device.h"
#include "native/cuda/embeddings.h"
#endif

namespace facenet::binding {
namespace {

// Throws where no CUDA device can be used.
void requireCuda() {
#ifdef FACENET_CUDA
  cuda::requireDevice();
#else
  throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "No CUDA device can be used: this build has no CUDA", "device");
#endif
}

[[noreturn]] void throwNotOnCuda(const char* what) {
  requireCuda();
  throw Error("ERR_FACENET_CUDA_UNAVAILABLE",
              text(what, " cannot run on CUDA: this build runs only L2 normalisation on CUDA"), "device");
}

#ifdef FACENET_ONEDNN
std::string oneDnnVersion() {
  return text(DNNL_VERSION_MAJOR, ".", DNNL_VERSION_MINOR, ".", DNNL_VERSION_PATCH);
}
#endif

#ifdef FACENET_CUDA
Napi::Object cudaInfo(Napi::Env env) {
  const cuda::Status& status = cuda::queryStatus();
  Napi::Object result = Napi::Object::New(env);
  result.Set("runtime", status.runtimeVersion);
  result.Set("driver", status.driverVersion);
  Napi::Array architectures = Napi::Array::New(env);
  std::istringstream list(FACENET_CUDA_ARCHITECTURES);
  for (std::string name; std::getline(list, name, ',');) architectures.Set(architectures.Length(), name);
  result.Set("architectures", architectures);
  Napi::Array devices = Napi::Array::New(env);
  for (const cuda::Device& device : status.devices) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("index", device.index);
    entry.Set("name", device.name);
    entry.Set("computeCapability", text(device.major, ".", device.minor));
    entry.Set("memoryBytes", static_cast<double>(device.memoryBytes));
    devices.Set(devices.Length(), entry);
  }
  result.Set("devices", devices);
  result.Set("reason", status.reason);
  return result;
}
#endif

}  // namespace

KernelFactory kernelsOf(Device device) {
  if (device == Device::cuda) throwNotOnCuda("A model");
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return makeCpuKernel;
#endif
  return makeReferenceKernel;
}

L2Normalize l2NormalizeOn(Device device) {
  if (device == Device::cuda) requireCuda();
#ifdef FACENET_CUDA
  if (device == Device::cuda) return cuda::l2NormalizeHostRows;
#endif
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::l2NormalizeRows;
#endif
  return reference::l2NormalizeRows;
}

PairwiseDistances pairwiseDistancesOn(Device device) {
  if (device == Device::cuda) throwNotOnCuda("A distance matrix");
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::pairwiseDistances;
#endif
  return reference::pairwiseDistances;
}

Napi::Object buildInfo(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("version", FACENET_VERSION);
#ifdef FACENET_ONEDNN
  result.Set("onednn", oneDnnVersion());
  result.Set("isa", cpu::isaName());
#else
  result.Set("onednn", env.Null());
  result.Set("isa", "baseline");
#endif
#ifdef FACENET_CUDA
  result.Set("cuda", cudaInfo(env));
#else
  result.Set("cuda", env.Null());
#endif
  return result;
}

}  // namespace facenet::binding
