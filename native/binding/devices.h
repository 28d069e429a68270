// What the devices of this build can do: one place that knows which backends were compiled in.
#pragma once

#include <napi.h>

#include "binding/options.h"
#include "graph/kernel.h"

namespace facenet::binding {

// Makes the kernels of a device's plans. Device::cpu in a build without oneDNN is served by the reference
// backend. Throws ERR_FACENET_CUDA_UNAVAILABLE for Device::cuda.
KernelFactory kernelsOf(Device device);

using L2Normalize = void (*)(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out);
using PairwiseDistances = void (*)(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions,
                                   float* out);
L2Normalize l2NormalizeOn(Device device);
PairwiseDistances pairwiseDistancesOn(Device device);

// The BuildInfo of types/native.d.ts.
Napi::Object buildInfo(Napi::Env env);

}  // namespace facenet::binding
