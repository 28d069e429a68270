// An open model: NativeModel of types/native.d.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "native/binding/promise_worker.h"
#include "native/graph/executor.h"

namespace facenet::binding {

class Model : public Napi::ObjectWrap<Model> {
 public:
  static Napi::Function defineClass(Napi::Env env);

  // Reads the arguments now, plans and prepares the weights on the worker's thread.
  static Napi::Promise open(const Napi::CallbackInfo& info, PromiseWorker& worker,
                            Napi::FunctionReference& modelClass);

  explicit Model(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override { release(env); }

 private:
  struct Opened;  // what open() hands to the constructor

  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value measure(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info) { release(info.Env()); }
  void release(Napi::Env env);
  Executor& executor() const;  // throws where the model is disposed

  Napi::Value outputs(const Napi::CallbackInfo& info);
  Napi::Value plan(const Napi::CallbackInfo& info);
  Napi::Value kernels(const Napi::CallbackInfo& info);
  Napi::Value threads(const Napi::CallbackInfo& info);
  Napi::Value memoryBytes(const Napi::CallbackInfo& info);

  PromiseWorker* worker_ = nullptr;
  std::shared_ptr<Executor> executor_;  // shared with the runs in flight; empty: disposed
  int threads_ = 0;
  int64_t memoryBytes_ = 0;  // that the collector was told of
};

}  // namespace facenet::binding
