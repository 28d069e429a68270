// findNearest of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/promise_worker.h"

namespace facenet::binding {

Napi::Promise findNearest(const Napi::CallbackInfo& info, PromiseWorker& worker);

}  // namespace facenet::binding
