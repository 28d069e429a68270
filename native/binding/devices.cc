#include "native/binding/devices.h"

#include <sstream>

#include "native/images/jpeg.h"

namespace facenet::binding {
namespace {

Napi::Object cudaInfo(Napi::Env env, const CudaInfo& info) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("runtime", info.runtime);
  result.Set("driver", info.driver);
  Napi::Array architectures = Napi::Array::New(env);
  std::istringstream list(info.architectures);
  for (std::string name; std::getline(list, name, ',');) architectures.Set(architectures.Length(), name);
  result.Set("architectures", architectures);
  Napi::Array devices = Napi::Array::New(env);
  for (const CudaDeviceInfo& device : info.devices) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("index", device.index);
    entry.Set("name", device.name);
    entry.Set("computeCapability", device.computeCapability);
    entry.Set("memoryBytes", static_cast<double>(device.memoryBytes));
    devices.Set(devices.Length(), entry);
  }
  result.Set("devices", devices);
  result.Set("reason", info.reason);
  return result;
}

}  // namespace

const Backend& readBackend(const Fields& options) {
  const auto kind = options.oneOf<DeviceKind, 3>(
      "device", {{"cuda", DeviceKind::cuda}, {"cpu", DeviceKind::cpu}, {"reference", DeviceKind::reference}});
  return backendOf(kind, static_cast<int>(options.integerOr("deviceIndex", 0, -1)));
}

int readThreads(const Fields& options) {
  return static_cast<int>(options.integer("threads", 1, 1024));
}

Napi::Object buildInfo(Napi::Env env) {
  const BuildInfo info = facenet::buildInfo();
  Napi::Object result = Napi::Object::New(env);
  result.Set("version", FACENET_VERSION);
  result.Set("onednn", info.oneDnn.empty() ? env.Null() : Napi::String::New(env, info.oneDnn));
  const std::string jpeg = jpegVersion();
  result.Set("jpeg", jpeg.empty() ? env.Null() : Napi::String::New(env, jpeg));
  result.Set("isa", info.isa);
  result.Set("cuda", info.cuda ? cudaInfo(env, *info.cuda) : env.Null());
  return result;
}

}  // namespace facenet::binding
