// mineTriplets and tripletLoss of types/native.d.ts.
#pragma once

#include <napi.h>

#include "binding/promise_worker.h"

namespace facenet::binding {

Napi::Promise mineTriplets(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise tripletLoss(const Napi::CallbackInfo& info, PromiseWorker& worker);

}  // namespace facenet::binding
