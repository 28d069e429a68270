// Functions of finished rows of floats, and of triplets of them: l2Normalize, pairwiseDistances, findNearest, indexRows, cluster,
// mineTriplets and tripletLoss of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/arrays.h"
#include "native/binding/fields.h"
#include "native/binding/promise_worker.h"
#include "native/ops/triplet_loss.h"

namespace facenet::binding {

// `count` rows of `dimensions` floats, fewer than 2^31.
struct Rows {
  const float* data;
  int64_t count, dimensions;
};
Rows toRows(std::span<const float> values, const std::string& argument, int64_t dimensions);

// Throws where a value is NaN or so large that squares of differences may leave fp32. Any thread: it takes a while for a large
// gallery.
void checkFinite(const Rows&, const std::string& argument);

// TripletIndices, all below `rows`.
TripletsView readTriplets(Arrays& arrays, const Fields& triplets, int64_t rows);

Napi::Promise l2Normalize(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise pairwiseDistances(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise findNearest(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Value indexBytes(const Napi::CallbackInfo& info);
Napi::Promise indexRows(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise cluster(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise clusterByDensity(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise mineTriplets(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise tripletLoss(const Napi::CallbackInfo& info, PromiseWorker& worker);

}  // namespace facenet::binding
