#include "native/binding/devices.h"

#include "native/backends/host/executor.h"
#include "native/backends/host/training_backend.h"
#include "native/ops/embeddings.h"
#ifdef FACENET_ONEDNN
#include <dnnl_version.h>

#include "native/backends/cpu/isa.h"
#endif
#ifdef FACENET_CUDA
#include <sstream>

#include "native/backends/cuda/embeddings.h"
#include "native/backends/cuda/executor.h"
#include "native/backends/cuda/runtime/device.h"
#include "native/backends/cuda/training_backend.h"
#include "native/backends/cuda/triplets.h"
#endif

namespace facenet::binding {
namespace {

// Throws where no CUDA device can be used.
void requireCuda([[maybe_unused]] int index = -1) {
#ifdef FACENET_CUDA
  cuda::requireDevice(index);
#else
  throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "No CUDA device can be used: this build has no CUDA", "device");
#endif
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

ExecutorOptions readExecutorOptions(const Fields& options) {
  return {.device = readDevice(options.get("device")),
          .deviceIndex = static_cast<int>(options.integerOr("deviceIndex", 0, -1)),
          .threads = static_cast<int>(options.integer("threads", 1, 1024))};
}

void checkExecutor(const ExecutorOptions& options, DType dtype) {
  if (options.device == Device::cuda) requireCuda(options.deviceIndex);
  if (options.device == Device::cpu && dtype == DType::f16)
    throw invalidArgument("dtype", "f32 or bf16 on the CPU", "f16");
}

std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions planOptions, const Weights& weights,
                                       const ExecutorOptions& options) {
#ifdef FACENET_CUDA
  if (options.device == Device::cuda) {
    const cuda::Device& device = cuda::requireDevice(options.deviceIndex);
    planOptions.channelAlignment = cuda::channelAlignment;
    planOptions.fuseStem = planOptions.fuse;
    return std::make_unique<cuda::CudaExecutor>(makePlan(graph, planOptions), weights, device,
                                                options.threads);
  }
#endif
  if (options.device == Device::cpu) planOptions.fuseStem = false;
#ifdef FACENET_ONEDNN
  const KernelFactory factory = options.device == Device::cpu ? makeCpuKernel : makeReferenceKernel;
#else
  const KernelFactory factory = makeReferenceKernel;
#endif
  return std::make_unique<HostExecutor>(makePlan(graph, planOptions), weights, factory, options.threads);
}

std::unique_ptr<train::Backend> makeTrainingBackend(const ExecutorOptions& options,
                                                    [[maybe_unused]] DType dtype) {
  if (options.device == Device::cuda) requireCuda(options.deviceIndex);
#ifdef FACENET_CUDA
  if (options.device == Device::cuda)
    return cuda::makeTrainingBackend(cuda::requireDevice(options.deviceIndex), dtype, options.threads);
#endif
#ifdef FACENET_ONEDNN
  if (options.device == Device::cpu) return train::makeHostBackend(train::cpuFunctions(), options.threads);
#endif
  return train::makeHostBackend(train::referenceFunctions(), options.threads);
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
  if (device == Device::cuda) requireCuda();
#ifdef FACENET_CUDA
  if (device == Device::cuda) return cuda::pairwiseHostDistances;
#endif
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::pairwiseDistances;
#endif
  return reference::pairwiseDistances;
}

FindNearest findNearestOn(Device device) {
  if (device == Device::cuda) requireCuda();
#ifdef FACENET_CUDA
  if (device == Device::cuda) return cuda::findNearest;
#endif
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::findNearest;
#endif
  return reference::findNearest;
}

MineTriplets mineTripletsOn(Device device) {
  if (device == Device::cuda) requireCuda();
#ifdef FACENET_CUDA
  if (device == Device::cuda) return cuda::mineHostTriplets;
#endif
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::mineTriplets;
#endif
  return reference::mineTriplets;
}

TripletLossOf tripletLossOn(Device device) {
  if (device == Device::cuda) requireCuda();
#ifdef FACENET_CUDA
  if (device == Device::cuda) return cuda::tripletHostLoss;
#endif
#ifdef FACENET_ONEDNN
  if (device == Device::cpu) return cpu::tripletLoss;
#endif
  return reference::tripletLoss;
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
