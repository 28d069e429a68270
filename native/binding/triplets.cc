#include "native/binding/triplets.h"

#include <algorithm>
#include <cmath>

#include "native/binding/devices.h"

namespace facenet::binding {
namespace {

using Strategy = TripletMining::Strategy;

struct Rows {
  Napi::TypedArray array;
  int64_t dimensions, count;
};

Rows readEmbeddings(const Napi::Value& value, const Fields& options) {
  const int64_t dimensions = options.integer("dimensions", 1);
  const Napi::TypedArray array = readTypedArray(value, "embeddings", napi_float32_array);
  const auto length = static_cast<int64_t>(array.ElementLength());
  if (length % dimensions != 0)
    throw invalidArgument("embeddings", text("rows of ", dimensions), text(length, " values"));
  return {array, dimensions, length / dimensions};
}

float readMargin(const Fields& options) {
  const auto margin = static_cast<float>(options.number("margin"));
  if (!(margin > 0)) throw options.wrong("margin", "a number above 0");
  return margin;
}

Napi::Int32Array copyOf(Napi::Env env, const std::vector<int32_t>& indices) {
  const auto array = Napi::Int32Array::New(env, indices.size());
  std::copy(indices.begin(), indices.end(), elementsOf<int32_t>(array));
  return array;
}

PromiseWorker::Resolve resolveTriplets(std::shared_ptr<const Triplets> triplets) {
  return [triplets](Napi::Env env) -> Napi::Value {
    Napi::Object result = Napi::Object::New(env);
    result.Set("anchors", copyOf(env, triplets->anchors));
    result.Set("positives", copyOf(env, triplets->positives));
    result.Set("negatives", copyOf(env, triplets->negatives));
    return result;
  };
}

Napi::TypedArray readIndices(const Fields& triplets, const char* name, int64_t count, int64_t rows) {
  const auto array = readTypedArray(triplets.get(name), name, napi_int32_array, count);
  const auto* indices = elementsOf<const int32_t>(array);
  for (int64_t t = 0; t < static_cast<int64_t>(array.ElementLength()); ++t)
    if (indices[t] < 0 || indices[t] >= rows)
      throw invalidArgument(name, text("indices of ", rows, " rows"), text(indices[t], " at ", t));
  return array;
}

}  // namespace

TripletArrays readTriplets(const Fields& triplets, int64_t rows) {
  TripletArrays result;
  result.anchors = readIndices(triplets, "anchors", -1, rows);
  const auto count = static_cast<int64_t>(result.anchors.ElementLength());
  checkTripletCount(count);
  result.positives = readIndices(triplets, "positives", count, rows);
  result.negatives = readIndices(triplets, "negatives", count, rows);
  return result;
}

TripletsView TripletArrays::view() const {
  return {elementsOf<const int32_t>(anchors), elementsOf<const int32_t>(positives),
          elementsOf<const int32_t>(negatives), static_cast<int64_t>(anchors.ElementLength())};
}

Napi::Promise mineTriplets(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const Rows rows = readEmbeddings(info[0], options);
  const auto labels = readTypedArray(info[1], "labels", napi_int32_array, rows.count);
  const auto cancel = readTypedArray(info[3], "cancel", napi_int32_array, 1);
  const MineTriplets mine = mineTripletsOn(readDevice(options.get("device")));
  TripletMining mining{};
  mining.dimensions = rows.dimensions;
  mining.strategy = options.oneOf<Strategy, 3>(
      "strategy", {{"all", Strategy::all}, {"semi-hard", Strategy::semiHard}, {"hard", Strategy::hard}});
  mining.margin = readMargin(options);
  mining.threads = static_cast<int>(options.integer("threads", 1, 1024));

  auto* const flag = elementsOf<std::atomic<int32_t>>(cancel);
  mining.cancel = flag;
  const auto* x = elementsOf<const float>(rows.array);
  const auto* labelOf = elementsOf<const int32_t>(labels);
  return worker.post({rows.array, labels, cancel}, flag, [=]() -> PromiseWorker::Resolve {
    return resolveTriplets(std::make_shared<const Triplets>(mine(x, labelOf, rows.count, mining)));
  });
}

Napi::Promise tripletLoss(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  const Rows rows = readEmbeddings(info[0], options);
  const TripletArrays arrays = readTriplets(Fields(info[1], "triplets", Fields::Kind::argument), rows.count);
  const auto gradient = readTypedArray(info[3], "gradient", napi_float32_array, rows.count * rows.dimensions);
  const auto cancel = readTypedArray(info[4], "cancel", napi_int32_array, 1);
  const TripletLossOf lossOf = tripletLossOn(readDevice(options.get("device")));
  TripletLoss loss{};
  loss.dimensions = rows.dimensions;
  loss.margin = readMargin(options);
  loss.threads = static_cast<int>(options.integer("threads", 1, 1024));

  auto* const flag = elementsOf<std::atomic<int32_t>>(cancel);
  loss.cancel = flag;
  const auto* x = elementsOf<const float>(rows.array);
  const TripletsView triplets = arrays.view();
  auto* const out = elementsOf<float>(gradient);
  return worker.post({rows.array, arrays.anchors, arrays.positives, arrays.negatives, gradient, cancel}, flag,
                     [=]() -> PromiseWorker::Resolve {
                       const LossValue value = lossOf(x, rows.count, triplets, loss, out);
                       return [value](Napi::Env env) -> Napi::Value {
                         Napi::Object result = Napi::Object::New(env);
                         result.Set("loss", value.loss);
                         result.Set("active", static_cast<double>(value.active));
                         return result;
                       };
                     });
}

}  // namespace facenet::binding
