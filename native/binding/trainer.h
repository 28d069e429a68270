// A network under training: NativeTrainer of types/native.d.ts.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "native/binding/arrays.h"
#include "native/binding/promise_worker.h"
#include "native/train/trainer.h"

namespace facenet::binding {

// TrainingPlanReport of a graph.
Napi::Value trainingPlan(const Napi::CallbackInfo& info);

class Trainer : public Napi::ObjectWrap<Trainer> {
 public:
  static Napi::Function defineClass(Napi::Env env);

  // Reads the arguments now, plans and copies the weights on the worker's thread.
  static Napi::Promise open(const Napi::CallbackInfo& info, PromiseWorker& worker,
                            Napi::FunctionReference& trainerClass);

  explicit Trainer(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override { release(env); }

 private:
  struct Opened;  // what open() hands to the constructor

  Napi::Value step(const Napi::CallbackInfo& info);
  Napi::Value gradient(const Napi::CallbackInfo& info);
  Napi::Value embedPart(const Napi::CallbackInfo& info);
  Napi::Value learnPart(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value abandon(const Napi::CallbackInfo& info);
  Napi::Value embed(const Napi::CallbackInfo& info);
  Napi::Value measureStatistics(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value readModel(const Napi::CallbackInfo& info);
  template <class Read>
  Napi::Value readBy(const Napi::CallbackInfo& info, Read readTensor);
  Napi::Value write(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info) { release(info.Env()); }
  void release(Napi::Env env);
  const std::shared_ptr<train::Trainer>& trainer() const;  // throws where it is disposed

  Napi::Value plan(const Napi::CallbackInfo& info);
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value kernels(const Napi::CallbackInfo& info);
  Napi::Value dimensions(const Napi::CallbackInfo& info);
  Napi::Value memoryBytes(const Napi::CallbackInfo& info);

  const void* readImages(Arrays& arrays, const Napi::Value& value, int64_t count) const;
  template <class Run>
  Napi::Value runBatch(const Napi::CallbackInfo& info, size_t cancelIndex, Arrays arrays, Run run);

  PromiseWorker* worker_ = nullptr;
  std::shared_ptr<train::Trainer> trainer_;  // shared with the work in flight; empty: disposed
  int64_t memoryBytes_ = 0;
};

}  // namespace facenet::binding
