#include "native/binding/trainer.h"

#include <algorithm>

#include "native/binding/devices.h"
#include "native/binding/errors.h"
#include "native/binding/read_graph.h"
#include "native/binding/rows.h"
#include "native/binding/training_options.h"
#include "native/binding/weight_source.h"

namespace facenet::binding {

struct Trainer::Opened {
  PromiseWorker* worker;
  std::shared_ptr<train::Trainer> trainer;
};

namespace {

constexpr napi_type_tag openedTag{0x6f1b0e0d2c7a41d9, 0x93a40c5b5b1e7f26};

// Tensors of a trainer and memory for each.
template <class T>
struct Transfer {
  std::vector<const train::TrainerTensor*> tensors;
  std::vector<T*> memory;
  Arrays arrays;
};

// memoryOf(arrays, value, argument, {elements}) for each tensor.
template <class T, class MemoryOf>
Transfer<T> readTransfer(const Napi::CallbackInfo& info, const train::Trainer& trainer, const char* argument,
                         const MemoryOf& memoryOf) {
  if (!info[0].IsArray()) throw invalidArgument("names", "an array of names", describe(info[0]));
  const auto names = info[0].As<Napi::Array>();
  if (!info[1].IsArray() || info[1].As<Napi::Array>().Length() != names.Length())
    throw invalidArgument(argument, text("an array of ", names.Length()), describe(info[1]));
  Transfer<T> result;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names[i];
    if (!name.IsString()) throw invalidArgument("names", "strings", describe(name));
    const train::TrainerTensor& tensor = trainer.tensor(name.As<Napi::String>().Utf8Value());
    const Napi::Value values = info[1].As<Napi::Array>()[i];
    result.tensors.push_back(&tensor);
    result.memory.push_back(memoryOf(result.arrays, values, text(argument, "[", i, "]"), tensor.elements()));
  }
  return result;
}

}  // namespace

Napi::Value trainingPlan(const Napi::CallbackInfo& info) {
  const Fields options(info[1], "options", Fields::Kind::argument);
  return trainingPlanReport(info.Env(),
                            train::makeTrainingPlan(readGraph(info[0]), readTrainingPlanOptions(options)));
}

Napi::Function Trainer::defineClass(Napi::Env env) {
  return DefineClass(
      env, "NativeTrainer",
      {InstanceMethod<&Trainer::step>("step"), InstanceMethod<&Trainer::gradient>("gradient"),
       InstanceMethod<&Trainer::embedPart>("embedPart"), InstanceMethod<&Trainer::learnPart>("learnPart"),
       InstanceMethod<&Trainer::update>("update"), InstanceMethod<&Trainer::abandon>("abandon"),
       InstanceMethod<&Trainer::embed>("embed"), InstanceMethod<&Trainer::read>("read"),
       InstanceMethod<&Trainer::measureStatistics>("measureStatistics"),
       InstanceMethod<&Trainer::readModel>("readModel"), InstanceMethod<&Trainer::write>("write"),
       InstanceMethod<&Trainer::dispose>("dispose"), InstanceAccessor<&Trainer::plan>("plan"),
       InstanceAccessor<&Trainer::tensors>("tensors"), InstanceAccessor<&Trainer::kernels>("kernels"),
       InstanceAccessor<&Trainer::dimensions>("dimensions"),
       InstanceAccessor<&Trainer::memoryBytes>("memoryBytes")});
}

Napi::Promise Trainer::open(const Napi::CallbackInfo& info, PromiseWorker& worker,
                            Napi::FunctionReference& trainerClass) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const Backend& backend = readBackend(options);
  const int threads = readThreads(options);
  const train::TrainerOptions trainerOptions = readTrainerOptions(options);
  Arrays arrays;
  const auto source = std::make_shared<WeightSource>(readWeightSource(info[1], arrays));
  const auto graph = std::make_shared<Graph>(readGraph(info[0]));

  return worker.post(std::move(arrays), [=, &worker, &trainerClass, &backend]() -> PromiseWorker::Resolve {
    const auto opened = std::make_shared<Opened>(Opened{
        &worker,
        std::make_shared<train::Trainer>(*graph, loadWeights(*source), trainerOptions,
                                         backend.makeTrainingBackend(trainerOptions.plan.dtype, threads))});
    return [opened, &trainerClass](Napi::Env env) -> Napi::Value {
      auto external = Napi::External<Opened>::New(env, opened.get());
      external.TypeTag(&openedTag);
      return trainerClass.New({external});
    };
  });
}

Trainer::Trainer(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (!info[0].IsExternal() || !info[0].As<Napi::External<Opened>>().CheckTypeTag(&openedTag))
    throw Napi::TypeError::New(info.Env(), "NativeTrainer is made by openTrainer only");
  const Opened& opened = *info[0].As<Napi::External<Opened>>().Data();
  worker_ = opened.worker;
  trainer_ = opened.trainer;
  memoryBytes_ = trainer_->memoryBytes();
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), memoryBytes_);
}

void Trainer::release(Napi::Env env) {
  if (!trainer_) return;
  trainer_.reset();
  Napi::MemoryManagement::AdjustExternalMemory(env, -memoryBytes_);
}

const std::shared_ptr<train::Trainer>& Trainer::trainer() const {
  if (!trainer_) throw invalidArgument("trainer", "an open trainer", "a disposed one");
  return trainer_;
}

const void* Trainer::readImages(Arrays& arrays, const Napi::Value& value, int64_t count) const {
  return arrays.images(value, "images", trainer()->imageType(), {count, trainer()->imageElements()});
}

// run(trainer, images, labels, count, cancel) on the worker. `arrays`: what it uses beside images and labels.
template <class Run>
Napi::Value Trainer::runBatch(const Napi::CallbackInfo& info, size_t cancelIndex, Arrays arrays, Run run) {
  const auto labels = arrays.copy<int32_t>(info[1], "labels");
  const auto count = static_cast<int64_t>(labels.size());
  if (count < 1) throw invalidArgument("labels", "at least one", "none");
  const void* const images = readImages(arrays, info[0], count);
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[cancelIndex]);
  return worker_->post(std::move(arrays), [=, trainer = trainer()]() -> PromiseWorker::Resolve {
    const train::StepReport report = run(*trainer, images, labels.data(), count, cancel);
    return [report](Napi::Env env) -> Napi::Value { return stepReport(env, report); };
  });
}

Napi::Value Trainer::step(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Fields fields(info[2], "options", Fields::Kind::argument);
    train::StepOptions options = readStepOptions(fields);
    Arrays arrays;
    if (fields.has("triplets")) {
      const auto labels = arrays.copy<int32_t>(info[1], "labels");
      options.triplets = readTriplets(arrays, fields.object("triplets"), static_cast<int64_t>(labels.size()));
    }
    if (fields.has("teacher")) {
      const auto labels = arrays.copy<int32_t>(info[1], "labels");
      options.targets = readTargets(arrays, fields.object("teacher"),
                                    {static_cast<int64_t>(labels.size()), trainer()->dimensions()});
    }
    return runBatch(info, 3, std::move(arrays),
                    [options](train::Trainer& trainer, const void* images, const int32_t* labels,
                              int64_t count, const std::atomic<int32_t>* cancel) {
                      return trainer.step(images, labels, count, options, cancel);
                    });
  });
}

Napi::Value Trainer::gradient(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return runBatch(
        info, 2, {},
        [](train::Trainer& trainer, const void* images, const int32_t* labels, int64_t count,
           const std::atomic<int32_t>* cancel) { return trainer.gradient(images, labels, count, cancel); });
  });
}

Napi::Value Trainer::embed(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int64_t count = readInteger(info[1], "count", 1);
    Arrays arrays;
    const void* const images = readImages(arrays, info[0], count);
    auto* const out = arrays.output<float>(info[2], "out", {count, trainer()->dimensions()});
    using Values = train::Trainer::Values;
    const Values of = info[4].ToBoolean() ? Values::trained : Values::model;
    const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
    return worker_->post(std::move(arrays), [=, trainer = trainer()]() -> PromiseWorker::Resolve {
      trainer->embed(images, count, out, of, cancel);
      return {};
    });
  });
}

Napi::Value Trainer::measureStatistics(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int64_t count = readInteger(info[1], "count", 1);
    Arrays arrays;
    const void* const images = readImages(arrays, info[0], count);
    const bool anew = info[2].ToBoolean();
    const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
    return worker_->post(std::move(arrays), [=, trainer = trainer()]() -> PromiseWorker::Resolve {
      trainer->measureStatistics(images, count, anew, cancel);
      return {};
    });
  });
}

Napi::Value Trainer::read(const Napi::CallbackInfo& info) {
  return readBy(info, [](const train::Trainer& trainer, const train::TrainerTensor& tensor, float* out) {
    trainer.read(tensor, out);
  });
}

Napi::Value Trainer::readModel(const Napi::CallbackInfo& info) {
  return readBy(info, [](const train::Trainer& trainer, const train::TrainerTensor& tensor, float* out) {
    trainer.readModel(tensor, out);
  });
}

template <class Read>
Napi::Value Trainer::readBy(const Napi::CallbackInfo& info, Read readTensor) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto transfer = readTransfer<float>(
        info, *trainer(), "out",
        [](Arrays& arrays, const Napi::Value& value, const std::string& argument, int64_t elements) {
          return arrays.inPlace<float>(value, argument, {elements});
        });
    return worker_->post(std::move(transfer.arrays),
                         [readTensor, tensors = transfer.tensors, memory = transfer.memory,
                          trainer = trainer()]() -> PromiseWorker::Resolve {
                           for (size_t i = 0; i < tensors.size(); ++i)
                             readTensor(*trainer, *tensors[i], memory[i]);
                           return [counters = trainer->counters](Napi::Env env) -> Napi::Value {
                             Napi::Object result = Napi::Object::New(env);
                             result.Set("steps", static_cast<double>(counters.steps));
                             result.Set("updates", static_cast<double>(counters.updates));
                             return result;
                           };
                         });
  });
}

Napi::Value Trainer::write(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto transfer = readTransfer<const float>(
        info, *trainer(), "values",
        [](Arrays& arrays, const Napi::Value& value, const std::string& argument, int64_t elements) {
          return arrays.input<float>(value, argument, {elements});
        });
    const Fields fields(info[2], "counters", Fields::Kind::argument);
    const bool counts = !info[2].IsUndefined();
    train::Counters counters;
    if (counts) {
      counters.steps = fields.integer("steps", 0, largestExact);
      counters.updates = fields.integer("updates", 0, largestExact);
    }
    return worker_->post(std::move(transfer.arrays),
                         [=, tensors = transfer.tensors, memory = transfer.memory,
                          trainer = trainer()]() -> PromiseWorker::Resolve {
                           for (size_t i = 0; i < tensors.size(); ++i) trainer->write(*tensors[i], memory[i]);
                           if (counts) trainer->counters = counters;
                           return {};
                         });
  });
}

Napi::Value Trainer::plan(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return trainingPlanReport(info.Env(), trainer()->plan()); });
}

Napi::Value Trainer::tensors(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Napi::Array result = Napi::Array::New(info.Env());
    for (const train::TrainerTensor& tensor : trainer()->tensors()) {
      Napi::Array shape = Napi::Array::New(info.Env());
      for (const int64_t extent : tensor.shape) shape.Set(shape.Length(), static_cast<double>(extent));
      Napi::Object entry = Napi::Object::New(info.Env());
      entry.Set("name", tensor.name);
      entry.Set("shape", shape);
      entry.Set("kind", kindName(tensor.kind));
      entry.Set("frozen", tensor.frozen);
      result.Set(result.Length(), entry);
    }
    return result;
  });
}

Napi::Value Trainer::kernels(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Napi::Array result = Napi::Array::New(info.Env());
    for (const std::string& line : trainer()->describeKernels()) result.Set(result.Length(), line);
    return result;
  });
}

Napi::Value Trainer::dimensions(const Napi::CallbackInfo& info) {
  return guarded(info.Env(),
                 [&] { return Napi::Number::New(info.Env(), static_cast<double>(trainer()->dimensions())); });
}

Napi::Value Trainer::memoryBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), trainer_ ? static_cast<double>(memoryBytes_) : 0);
}

}  // namespace facenet::binding
