#include "native/binding/training_options.h"

#include "native/binding/losses.h"
#include "native/binding/options.h"

namespace facenet::binding {
namespace {

double numberIn(const Fields& fields, const char* name, double low, double high) {
  const double value = fields.number(name);
  if (value < low || value > high) throw fields.wrong(name, text("a number in ", low, "..", high));
  return value;
}

Optimizer readOptimizer(const Fields& fields) {
  using Kind = Optimizer::Kind;
  Optimizer result;
  result.kind = fields.oneOf<Kind, 4>(
      "kind",
      {{"sgd", Kind::sgd}, {"momentum", Kind::momentum}, {"adagrad", Kind::adagrad}, {"adam", Kind::adam}});
  constexpr double below = 1 - 1e-12;
  result.momentum = static_cast<float>(numberIn(fields, "momentum", 0, 1));
  result.nesterov = fields.booleanOr("nesterov", false);
  result.initialAccumulator = static_cast<float>(numberIn(fields, "initialAccumulator", 0, 1e30));
  result.epsilon = static_cast<float>(numberIn(fields, "epsilon", 1e-30, 1e30));
  result.beta1 = numberIn(fields, "beta1", 0, below);
  result.beta2 = numberIn(fields, "beta2", 0, below);
  return result;
}

Napi::Value number(Napi::Env env, int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

}  // namespace

train::TrainingPlanOptions readTrainingPlanOptions(const Fields& options) {
  return {.frozen = options.strings("frozen"),
          .chunk = options.integer("chunk", 0, 65536),
          .memoryBytes = options.integer("memoryBytes", 0, largestExact),
          .dtype = readDType(options)};
}

train::TrainerOptions readTrainerOptions(const Fields& options) {
  using Strategy = TripletMining::Strategy;
  train::TrainerOptions result;
  result.plan = readTrainingPlanOptions(options);
  result.optimizer = readOptimizer(options.object("optimizer"));
  const Fields optimizer = options.object("optimizer");
  result.weightDecay = static_cast<float>(numberIn(optimizer, "weightDecay", 0, 1e30));
  result.decayAll = optimizer.booleanOr("decayAll", false);
  result.batch.strategy = options.oneOf<Strategy, 3>(
      "strategy", {{"all", Strategy::all}, {"semi-hard", Strategy::semiHard}, {"hard", Strategy::hard}});
  result.batch.margin = static_cast<float>(options.number("margin"));
  if (!(result.batch.margin > 0)) throw options.wrong("margin", "a number above 0");
  if (options.has("averageDecay")) result.averageDecay = numberIn(options, "averageDecay", 0, 1 - 1e-9);
  if (options.has("loss")) result.batch.loss = readLoss(options.object("loss"));
  result.batch.statisticsRate = static_cast<float>(numberIn(options, "statisticsRate", 0, 1));
  return result;
}

train::StepOptions readStepOptions(const Fields& options) {
  return {.learningRate = numberIn(options, "learningRate", 0, 1e30),
          .clipNorm = numberIn(options, "clipNorm", 0, 1e30)};
}

train::Targets readTargets(Arrays& arrays, const Fields& teacher, Arrays::Extents extents) {
  const double weight = teacher.number("weight");
  if (!(weight > 0 && weight <= 1)) throw teacher.wrong("weight", "a number above 0 and at most 1");
  return {arrays.copy<float>(teacher.get("embeddings"), "teacher.embeddings", extents), weight,
          teacher.booleanOr("directions", false)};
}

const char* kindName(train::TrainerTensor::Kind kind) {
  using Kind = train::TrainerTensor::Kind;
  switch (kind) {
    case Kind::weight: return "weight";
    case Kind::statistic: return "statistic";
    case Kind::optimizer: return "optimizer";
    case Kind::loss: return "loss";
    case Kind::average: return "average";
    default: return "gradient";
  }
}

Napi::Object stepReport(Napi::Env env, const train::StepReport& report) {
  Napi::Object seconds = Napi::Object::New(env);
  seconds.Set("forward", report.seconds.forward);
  seconds.Set("mining", report.seconds.mining);
  seconds.Set("backward", report.seconds.backward);
  seconds.Set("optimizer", report.seconds.optimizer);
  Napi::Array chunks = Napi::Array::New(env);
  for (const int64_t images : report.chunks) chunks.Set(chunks.Length(), number(env, images));

  Napi::Object result = Napi::Object::New(env);
  result.Set("step", number(env, report.step));
  result.Set("lossSum", report.lossSum);
  result.Set("triplets", number(env, report.triplets));
  result.Set("active", number(env, report.active));
  result.Set("meanPositive", report.meanPositive);
  result.Set("meanNegative", report.meanNegative);
  if (report.targets > 0) result.Set("teacherLoss", report.targetLoss);
  result.Set("gradientNorm", report.gradientNorm);
  result.Set("chunks", chunks);
  result.Set("skipped", report.skipped());
  result.Set("seconds", seconds);
  return result;
}

Napi::Object trainingPlanReport(Napi::Env env, const train::TrainingPlan& plan) {
  Napi::Array backward = Napi::Array::New(env);
  for (const train::BackwardStep& step : plan.backward) {
    Napi::Array layers = Napi::Array::New(env);
    for (const std::string& layer : plan.forward.steps[static_cast<size_t>(step.step)].layers)
      layers.Set(layers.Length(), layer);
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("layers", layers);
    entry.Set("weights", step.weights);
    backward.Set(backward.Length(), entry);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("backward", backward);
  result.Set("keptBytes", number(env, plan.forward.arenaBytes));
  result.Set("gradientBytes", number(env, plan.gradients.arenaBytes));
  result.Set("chunk", number(env, plan.chunk));
  result.Set("text", printTrainingPlan(plan));
  return result;
}

}  // namespace facenet::binding
