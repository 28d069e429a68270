// mineTriplets and tripletLoss of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/fields.h"
#include "native/binding/promise_worker.h"
#include "native/ops/triplet_loss.h"

namespace facenet::binding {

// TripletIndices, whose indices are all below `rows`. The arrays are not copied.
struct TripletArrays {
  Napi::TypedArray anchors, positives, negatives;
  TripletsView view() const;
};
TripletArrays readTriplets(const Fields& triplets, int64_t rows);

Napi::Promise mineTriplets(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise tripletLoss(const Napi::CallbackInfo& info, PromiseWorker& worker);

}  // namespace facenet::binding
