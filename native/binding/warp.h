// warp of types/native.d.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "native/binding/fields.h"
#include "native/binding/promise_worker.h"
#include "native/core/thread_pool.h"
#include "native/ops/warp.h"

namespace facenet::binding {

// The field `map` of a crop.
Affine readMap(const Fields& crop);

// Crops photographs on a thread of its own, so that the next images are made ready while a network runs.
class Warper {
 public:
  explicit Warper(Napi::Env env) : worker_(env) {}

  Napi::Promise warp(const Napi::CallbackInfo& info);

 private:
  std::unique_ptr<ThreadPool> pool_;  // made by the first job that is worth it; outlives the worker's thread
  PromiseWorker worker_;
};

}  // namespace facenet::binding
