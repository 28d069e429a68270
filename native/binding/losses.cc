#include "native/binding/losses.h"

#include <algorithm>

#include "native/binding/devices.h"

namespace facenet::binding {
namespace {

double above(const Fields& fields, const char* name) {
  const double value = fields.number(name);
  if (!(value > 0)) throw fields.wrong(name, "a number above 0");
  return value;
}

Napi::Object resultOf(Napi::Env env, const BatchLoss& found) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("loss", found.loss);
  result.Set("terms", static_cast<double>(found.terms));
  result.Set("active", static_cast<double>(found.active));
  result.Set("meanPositive", found.meanPositive);
  result.Set("meanNegative", found.meanNegative);
  return result;
}

}  // namespace

Loss readLoss(const Fields& fields) {
  using Kind = Loss::Kind;
  Loss loss;
  loss.kind = fields.oneOf<Kind, 8>("kind", {{"triplet", Kind::triplet},
                                             {"nt-xent", Kind::ntXent},
                                             {"multi-similarity", Kind::multiSimilarity},
                                             {"arcface", Kind::arcFace},
                                             {"cosface", Kind::cosFace},
                                             {"sphereface", Kind::sphereFace},
                                             {"adaface", Kind::adaFace},
                                             {"proxy-anchor", Kind::proxyAnchor}});
  if (loss.hasClasses()) {
    loss.numClasses = fields.integer("numClasses", 1);
    loss.margin = fields.number("margin");
    loss.kind == Kind::proxyAnchor ? loss.alpha = above(fields, "alpha")
                                   : loss.scale = above(fields, "scale");
  }
  if (loss.kind == Kind::adaFace) {
    loss.h = above(fields, "h");
    loss.tAlpha = above(fields, "tAlpha");
  }
  if (loss.kind == Kind::ntXent) loss.temperature = above(fields, "temperature");
  if (loss.kind == Kind::multiSimilarity) {
    loss.alpha = above(fields, "alpha");
    loss.beta = above(fields, "beta");
    loss.base = fields.number("base");
    loss.epsilon = fields.number("epsilon");
  }
  return loss;
}

Napi::Promise embeddingLoss(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const Loss loss = readLoss(options.object("loss"));
  if (loss.kind == Loss::Kind::triplet) throw options.wrong("loss", "a loss without triplets");
  Arrays arrays;
  const Rows rows =
      toRows(arrays.copy<float>(info[0], "embeddings"), "embeddings", options.integer("dimensions", 1));
  LossBatch batch{.x = rows.data, .n = rows.count, .dimensions = rows.dimensions};
  batch.labels = arrays.copy<int32_t>(info[1], "labels", {rows.count});
  LossGradients gradients{arrays.output<float>(info[3], "gradient", {rows.count, rows.dimensions}), nullptr};
  Rows classes{nullptr, loss.numClasses, rows.dimensions};
  if (loss.hasClasses()) {
    classes.data = arrays.copy<float>(options.get("classes"), "classes", {loss.numClasses, rows.dimensions});
    batch.classes = classes.data;
    gradients.classes = arrays.output<float>(info[4], "classGradient", {loss.numClasses, rows.dimensions});
    checkClassLabels(loss, batch.labels, batch.n);
  }
  batch.threads = readThreads(options);
  batch.cancel = arrays.readCancel(info[5]);
  const Backend& backend = readBackend(options);
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite(rows, "embeddings");
    checkFinite(classes, "classes");
    float lengths[] = {adaFaceLengths[0], adaFaceLengths[1]};
    LossBatch started = batch;
    started.lengths = lengths;
    const BatchLoss found = backend.embeddingLoss(loss, started, gradients);
    return [found](Napi::Env env) -> Napi::Value { return resultOf(env, found); };
  });
}

}  // namespace facenet::binding
