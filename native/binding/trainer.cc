#include "native/binding/trainer.h"

#include <algorithm>

#include "native/binding/devices.h"
#include "native/binding/errors.h"
#include "native/binding/read_graph.h"
#include "native/binding/training_options.h"
#include "native/binding/triplets.h"
#include "native/binding/weight_source.h"

namespace facenet::binding {

struct Trainer::Opened {
  PromiseWorker* worker;
  std::shared_ptr<train::Trainer> trainer;
};

namespace {

constexpr napi_type_tag openedTag{0x6f1b0e0d2c7a41d9, 0x93a40c5b5b1e7f26};
constexpr int64_t largestExact = 9007199254740991;  // 2^53 - 1

const char* kindName(train::TrainerTensor::Kind kind) {
  using Kind = train::TrainerTensor::Kind;
  switch (kind) {
    case Kind::weight: return "weight";
    case Kind::statistic: return "statistic";
    case Kind::optimizer: return "optimizer";
    default: return "gradient";
  }
}

// Tensors of a trainer and JavaScript's memory for each.
struct Transfer {
  std::vector<const train::TrainerTensor*> tensors;
  std::vector<float*> memory;
  std::vector<Napi::Object> keepAlive;
};

Transfer readTransfer(const Napi::CallbackInfo& info, const train::Trainer& trainer, const char* argument) {
  if (!info[0].IsArray()) throw invalidArgument("names", "an array of names", describe(info[0]));
  const auto names = info[0].As<Napi::Array>();
  if (!info[1].IsArray() || info[1].As<Napi::Array>().Length() != names.Length())
    throw invalidArgument(argument, text("an array of ", names.Length()), describe(info[1]));
  Transfer result;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names[i];
    if (!name.IsString()) throw invalidArgument("names", "strings", describe(name));
    const train::TrainerTensor& tensor = trainer.tensor(name.As<Napi::String>().Utf8Value());
    const Napi::Value values = info[1].As<Napi::Array>()[i];
    const auto array =
        readTypedArray(values, text(argument, "[", i, "]"), napi_float32_array, tensor.elements());
    result.tensors.push_back(&tensor);
    result.memory.push_back(elementsOf<float>(array));
    result.keepAlive.push_back(array);
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
       InstanceMethod<&Trainer::embed>("embed"), InstanceMethod<&Trainer::read>("read"),
       InstanceMethod<&Trainer::write>("write"), InstanceMethod<&Trainer::dispose>("dispose"),
       InstanceAccessor<&Trainer::plan>("plan"), InstanceAccessor<&Trainer::tensors>("tensors"),
       InstanceAccessor<&Trainer::kernels>("kernels"), InstanceAccessor<&Trainer::dimensions>("dimensions"),
       InstanceAccessor<&Trainer::memoryBytes>("memoryBytes")});
}

Napi::Promise Trainer::open(const Napi::CallbackInfo& info, PromiseWorker& worker,
                            Napi::FunctionReference& trainerClass) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const ExecutorOptions device = readExecutorOptions(options);
  checkExecutor(device, DType::f32);
  const train::TrainerOptions trainerOptions = readTrainerOptions(options);
  std::vector<Napi::Object> keepAlive;
  const auto source = std::make_shared<WeightSource>(readWeightSource(info[1], keepAlive));
  const auto graph = std::make_shared<Graph>(readGraph(info[0]));

  return worker.post(std::move(keepAlive), nullptr, [=, &worker, &trainerClass]() -> PromiseWorker::Resolve {
    const auto opened = std::make_shared<Opened>(Opened{
        &worker, std::make_shared<train::Trainer>(*graph, loadWeights(*source), trainerOptions,
                                                  makeTrainingBackend(device, trainerOptions.plan.dtype))});
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

Napi::TypedArray Trainer::readImages(const Napi::Value& value, int64_t count) const {
  const auto type = trainer()->imageType() == DType::u8 ? napi_uint8_array : napi_float32_array;
  return readTypedArray(value, "images", type, count * trainer()->imageElements());
}

// run(trainer, images, labels, count, cancel) on the worker. `keepAlive`: what it uses beside images and labels.
template <class Run>
Napi::Value Trainer::runBatch(const Napi::CallbackInfo& info, size_t cancelIndex,
                              std::vector<Napi::Object> keepAlive, Run run) {
  const auto labels = readTypedArray(info[1], "labels", napi_int32_array);
  const auto count = static_cast<int64_t>(labels.ElementLength());
  if (count < 1) throw invalidArgument("labels", "at least one", "none");
  const auto images = readImages(info[0], count);
  const auto cancel = readTypedArray(info[cancelIndex], "cancel", napi_int32_array, 1);
  auto* const flag = elementsOf<std::atomic<int32_t>>(cancel);
  const void* const pixels = elementsOf<void>(images);
  const auto* const labelOf = elementsOf<const int32_t>(labels);
  keepAlive.insert(keepAlive.end(), {images, labels, cancel});
  return worker_->post(std::move(keepAlive), flag, [=, trainer = trainer()]() -> PromiseWorker::Resolve {
    const train::StepReport report = run(*trainer, pixels, labelOf, count, flag);
    return [report](Napi::Env env) -> Napi::Value { return stepReport(env, report); };
  });
}

Napi::Value Trainer::step(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Fields fields(info[2], "options", Fields::Kind::argument);
    train::StepOptions options = readStepOptions(fields);
    std::vector<Napi::Object> keepAlive;
    if (fields.has("triplets")) {
      const auto labels = readTypedArray(info[1], "labels", napi_int32_array);
      const TripletArrays arrays =
          readTriplets(fields.object("triplets"), static_cast<int64_t>(labels.ElementLength()));
      keepAlive = {arrays.anchors, arrays.positives, arrays.negatives};
      options.triplets = arrays.view();
    }
    return runBatch(info, 3, std::move(keepAlive),
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
    if (!info[1].IsNumber() || !(info[1].As<Napi::Number>().Int64Value() >= 1))
      throw invalidArgument("count", "a number of at least 1", describe(info[1]));
    const int64_t count = info[1].As<Napi::Number>().Int64Value();
    const auto images = readImages(info[0], count);
    const auto out = readTypedArray(info[2], "out", napi_float32_array, count * trainer()->dimensions());
    const auto cancel = readTypedArray(info[3], "cancel", napi_int32_array, 1);
    auto* const flag = elementsOf<std::atomic<int32_t>>(cancel);
    const void* const pixels = elementsOf<void>(images);
    auto* const rows = elementsOf<float>(out);
    return worker_->post({images, out, cancel}, flag, [=, trainer = trainer()]() -> PromiseWorker::Resolve {
      trainer->embed(pixels, count, rows, flag);
      return {};
    });
  });
}

Napi::Value Trainer::read(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Transfer transfer = readTransfer(info, *trainer(), "out");
    return worker_->post(std::move(transfer.keepAlive), nullptr,
                         [tensors = transfer.tensors, memory = transfer.memory,
                          trainer = trainer()]() -> PromiseWorker::Resolve {
                           for (size_t i = 0; i < tensors.size(); ++i) trainer->read(*tensors[i], memory[i]);
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
    Transfer transfer = readTransfer(info, *trainer(), "values");
    const Fields fields(info[2], "counters", Fields::Kind::argument);
    const bool counts = !info[2].IsUndefined();
    train::Counters counters;
    if (counts) {
      counters.steps = fields.integer("steps", 0, largestExact);
      counters.updates = fields.integer("updates", 0, largestExact);
    }
    return worker_->post(std::move(transfer.keepAlive), nullptr,
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
