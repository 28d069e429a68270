// What the devices of this build can do: one place that knows which backends were compiled in.
#pragma once

#include <napi.h>

#include <memory>

#include "native/backends/training_backend.h"
#include "native/binding/options.h"
#include "native/graph/executor.h"
#include "native/ops/top_k.h"
#include "native/ops/triplet_loss.h"

namespace facenet::binding {

struct ExecutorOptions {
  Device device;
  int deviceIndex;  // of CUDA; -1: the first that can be used
  int threads;
};
ExecutorOptions readExecutorOptions(const Fields& options);

// Throws where the device cannot be used, or not with activations of that type: ERR_FACENET_CUDA_UNAVAILABLE,
// ERR_FACENET_INVALID_ARGUMENT.
void checkExecutor(const ExecutorOptions& options, DType dtype);

// Plans a graph for a device and prepares its weights there. Device::cpu in a build without oneDNN is served by
// the reference backend.
std::unique_ptr<Executor> makeExecutor(const Graph& graph, PlanOptions planOptions, const Weights& weights,
                                       const ExecutorOptions& options);

// What trains on a device, with activations of that type. Throws as checkExecutor does.
std::unique_ptr<train::Backend> makeTrainingBackend(const ExecutorOptions& options, DType dtype);

using L2Normalize = void (*)(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out);
using PairwiseDistances = void (*)(const float* a, int64_t n, const float* b, int64_t m, int64_t dimensions,
                                   float* out);
L2Normalize l2NormalizeOn(Device device);
PairwiseDistances pairwiseDistancesOn(Device device);
FindNearest findNearestOn(Device device);
using MineTriplets = decltype(&reference::mineTriplets);
using TripletLossOf = decltype(&reference::tripletLoss);
MineTriplets mineTripletsOn(Device device);
TripletLossOf tripletLossOn(Device device);

// The BuildInfo of types/native.d.ts.
Napi::Object buildInfo(Napi::Env env);

}  // namespace facenet::binding
