// LossSettings of types/native.d.ts, and embeddingLoss.
#pragma once

#include "native/binding/rows.h"
#include "native/ops/loss.h"

namespace facenet::binding {

Loss readLoss(const Fields& fields);

Napi::Promise embeddingLoss(const Napi::CallbackInfo& info, PromiseWorker& worker);

}  // namespace facenet::binding
