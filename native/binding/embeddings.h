// l2Normalize and pairwiseDistances of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/promise_worker.h"

namespace facenet::binding {

Napi::Promise l2Normalize(const Napi::CallbackInfo& info, PromiseWorker& worker);
Napi::Promise pairwiseDistances(const Napi::CallbackInfo& info, PromiseWorker& worker);

}  // namespace facenet::binding
