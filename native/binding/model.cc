#include "native/binding/model.h"

#include "native/binding/devices.h"
#include "native/binding/errors.h"
#include "native/binding/options.h"
#include "native/binding/plan_report.h"
#include "native/binding/read_graph.h"
#include "native/binding/weight_source.h"

namespace facenet::binding {

struct Model::Opened {
  PromiseWorker* worker;
  std::shared_ptr<Executor> executor;
  int threads;
};

namespace {

constexpr napi_type_tag openedTag{0x8f1d2f1c6a6b4c0e, 0xb1c0de5e9a7e42d3};

}  // namespace

Napi::Function Model::defineClass(Napi::Env env) {
  return DefineClass(
      env, "NativeModel",
      {InstanceMethod<&Model::run>("run"), InstanceMethod<&Model::measure>("measure"),
       InstanceMethod<&Model::dispose>("dispose"), InstanceAccessor<&Model::outputs>("outputs"),
       InstanceAccessor<&Model::plan>("plan"), InstanceAccessor<&Model::kernels>("kernels"),
       InstanceAccessor<&Model::threads>("threads"), InstanceAccessor<&Model::memoryBytes>("memoryBytes")});
}

Napi::Promise Model::open(const Napi::CallbackInfo& info, PromiseWorker& worker,
                          Napi::FunctionReference& modelClass) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const int threads = readThreads(options);
  const PlanOptions planOptions = readPlanOptions(options);
  const Backend& backend = readBackend(options);
  Arrays arrays;
  const auto source = std::make_shared<WeightSource>(readWeightSource(info[1], arrays));
  const auto graph = std::make_shared<Graph>(readGraph(info[0]));

  return worker.post(std::move(arrays), [=, &worker, &modelClass, &backend]() -> PromiseWorker::Resolve {
    const Weights weights = loadWeights(*source);
    const std::shared_ptr<Executor> executor = backend.makeExecutor(*graph, planOptions, weights, threads);
    const auto opened = std::make_shared<Opened>(Opened{&worker, executor, threads});
    return [opened, &modelClass](Napi::Env env) -> Napi::Value {
      auto external = Napi::External<Opened>::New(env, opened.get());
      external.TypeTag(&openedTag);
      return modelClass.New({external});
    };
  });
}

Model::Model(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (!info[0].IsExternal() || !info[0].As<Napi::External<Opened>>().CheckTypeTag(&openedTag))
    throw Napi::TypeError::New(info.Env(), "NativeModel is made by openModel only");
  const Opened& opened = *info[0].As<Napi::External<Opened>>().Data();
  worker_ = opened.worker;
  executor_ = opened.executor;
  threads_ = opened.threads;
  memoryBytes_ = executor_->memoryBytes();
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), memoryBytes_);
}

void Model::release(Napi::Env env) {
  if (!executor_) return;
  executor_.reset();
  Napi::MemoryManagement::AdjustExternalMemory(env, -memoryBytes_);
}

Executor& Model::executor() const {
  if (!executor_) throw invalidArgument("model", "an open model", "a disposed one");
  return *executor_;
}

namespace {

const void* readInput(Arrays& arrays, const Napi::Value& value, const Plan& plan, int64_t count) {
  const PlannedTensor& image = plan.tensors[plan.input];
  return arrays.images(value, "input", image.dtype, {count, image.shape.elements()});
}

}  // namespace

Napi::Value Model::run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Plan& plan = executor().plan();
    const int64_t count = readInteger(info[1], "count", 1);
    Arrays arrays;
    const void* const input = readInput(arrays, info[0], plan, count);
    const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
    if (!info[2].IsArray() || info[2].As<Napi::Array>().Length() != plan.outputs.size())
      throw invalidArgument("outputs", text("an array of ", plan.outputs.size()), describe(info[2]));
    std::vector<float*> outputs;
    for (uint32_t i = 0; i < plan.outputs.size(); ++i) {
      const Napi::Value value = info[2].As<Napi::Array>()[i];
      const int64_t elements = plan.tensors[plan.outputs[i]].shape.elements();
      outputs.push_back(arrays.output<float>(value, text("outputs[", i, "]"), {count, elements}));
    }
    return worker_->post(std::move(arrays), [=, executor = executor_]() -> PromiseWorker::Resolve {
      executor->run(input, count, outputs, cancel);
      return {};
    });
  });
}

Napi::Value Model::measure(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int64_t count = readInteger(info[1], "count", 1);
    Arrays arrays;
    const void* const input = readInput(arrays, info[0], executor().plan(), count);
    const auto repeats = static_cast<int>(readInteger(info[2], "repeats", 1, 1 << 20));
    return worker_->post(std::move(arrays), [=, executor = executor_]() -> PromiseWorker::Resolve {
      const RunTimes times = executor->measure(input, count, repeats);
      return [times](Napi::Env env) -> Napi::Value {
        Napi::Array steps = Napi::Array::New(env);
        for (double seconds : times.steps) steps.Set(steps.Length(), seconds);
        Napi::Object result = Napi::Object::New(env);
        result.Set("whole", times.whole);
        result.Set("steps", steps);
        return result;
      };
    });
  });
}

Napi::Value Model::outputs(const Napi::CallbackInfo& info) {
  return guarded(info.Env(),
                 [&] { return shapesOf(info.Env(), executor().plan(), executor().plan().outputs); });
}

Napi::Value Model::plan(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return planReport(info.Env(), executor().plan()); });
}

Napi::Value Model::kernels(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Napi::Array result = Napi::Array::New(info.Env());
    for (const std::string& line : executor().describeKernels()) result.Set(result.Length(), line);
    return result;
  });
}

Napi::Value Model::threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), threads_);
}

Napi::Value Model::memoryBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), executor_ ? static_cast<double>(executor_->memoryBytes()) : 0);
}

}  // namespace facenet::binding
