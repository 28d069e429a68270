// decodeJpegs and cropJpegs of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/promise_worker.h"

namespace facenet::binding {

// Decodes images on threads of its own, beside the network and the crops: a job on one thread, several jobs at a time.
class JpegDecoder {
 public:
  explicit JpegDecoder(Napi::Env env);

  Napi::Promise decode(const Napi::CallbackInfo& info);
  Napi::Promise crop(const Napi::CallbackInfo& info);

 private:
  PromiseWorker worker_;
};

}  // namespace facenet::binding
