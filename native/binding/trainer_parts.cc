// Calls of a trainer that has a part of the batch.
#include "native/binding/errors.h"
#include "native/binding/trainer.h"
#include "native/binding/training_options.h"

namespace facenet::binding {

Napi::Value Trainer::embedPart(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int64_t count = readInteger(info[1], "count", 1);
    Arrays arrays;
    const void* const images = readImages(arrays, info[0], count);
    auto* const out = arrays.output<float>(info[2], "out", {count, trainer()->dimensions()});
    const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
    return worker_->post(std::move(arrays), [=, trainer = trainer()]() -> PromiseWorker::Resolve {
      trainer->embedPart(images, count, out, cancel);
      return {};
    });
  });
}

Napi::Value Trainer::learnPart(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int64_t count = readInteger(info[1], "count", 1);
    Arrays arrays;
    const void* const images = readImages(arrays, info[0], count);
    const auto labels = arrays.copy<int32_t>(info[3], "labels");
    const auto all = static_cast<int64_t>(labels.size());
    const float* const embeddings =
        arrays.input<float>(info[2], "embeddings", {all, trainer()->dimensions()});
    const int64_t first = readInteger(info[4], "first", 0);
    const std::atomic<int32_t>* const cancel = arrays.readCancel(info[5]);
    return worker_->post(std::move(arrays), [=, trainer = trainer()]() -> PromiseWorker::Resolve {
      trainer->learnPart(images, count, {embeddings, labels.data(), all, first}, cancel);
      return {};
    });
  });
}

Napi::Value Trainer::update(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const train::StepOptions options = readStepOptions(Fields(info[0], "options", Fields::Kind::argument));
    return worker_->post(Arrays(), [=, trainer = trainer()]() -> PromiseWorker::Resolve {
      const train::StepReport report = trainer->update(options);
      return [report](Napi::Env env) -> Napi::Value { return stepReport(env, report); };
    });
  });
}

Napi::Value Trainer::abandon(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return worker_->post(Arrays(), [trainer = trainer()]() -> PromiseWorker::Resolve {
      trainer->abandon();
      return {};
    });
  });
}

}  // namespace facenet::binding
