// Triplets of rows: mineTriplets and tripletLoss.
#include <algorithm>

#include "native/binding/devices.h"
#include "native/binding/rows.h"

namespace facenet::binding {
namespace {

using Strategy = TripletMining::Strategy;

float readMargin(const Fields& options) {
  const auto margin = static_cast<float>(options.number("margin"));
  if (!(margin > 0)) throw options.wrong("margin", "a number above 0");
  return margin;
}

Napi::Int32Array copyOf(Napi::Env env, const std::vector<int32_t>& indices) {
  auto array = Napi::Int32Array::New(env, indices.size());
  std::copy(indices.begin(), indices.end(), array.Data());
  return array;
}

std::span<const int32_t> readIndices(Arrays& arrays, const Fields& triplets, const char* name, int64_t rows) {
  const std::span<const int32_t> indices = arrays.copy<int32_t>(triplets.get(name), name);
  for (size_t t = 0; t < indices.size(); ++t)
    if (indices[t] < 0 || indices[t] >= rows)
      throw invalidArgument(name, text("indices of ", rows, " rows"), text(indices[t], " at ", t));
  return indices;
}

}  // namespace

TripletsView readTriplets(Arrays& arrays, const Fields& triplets, int64_t rows) {
  const auto anchors = readIndices(arrays, triplets, "anchors", rows);
  const auto positives = readIndices(arrays, triplets, "positives", rows);
  const auto negatives = readIndices(arrays, triplets, "negatives", rows);
  checkTripletCount(static_cast<int64_t>(anchors.size()));
  for (const auto& [name, indices] : {std::pair("positives", positives), std::pair("negatives", negatives)})
    if (indices.size() != anchors.size())
      throw invalidArgument(name, text("as many as anchors, ", anchors.size()), text(indices.size()));
  return {anchors.data(), positives.data(), negatives.data(), static_cast<int64_t>(anchors.size())};
}

Napi::Promise mineTriplets(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  Arrays arrays;
  const Rows rows =
      toRows(arrays.copy<float>(info[0], "embeddings"), "embeddings", options.integer("dimensions", 1));
  const auto* const labels = arrays.copy<int32_t>(info[1], "labels", {rows.count});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[3]);
  const Backend& backend = readBackend(options);
  const TripletMining mining{
      .dimensions = rows.dimensions,
      .strategy = options.oneOf<Strategy, 3>(
          "strategy", {{"all", Strategy::all}, {"semi-hard", Strategy::semiHard}, {"hard", Strategy::hard}}),
      .margin = readMargin(options),
      .threads = readThreads(options),
      .cancel = cancel};
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite(rows, "embeddings");
    const auto triplets =
        std::make_shared<const Triplets>(backend.mineTriplets(rows.data, labels, rows.count, mining));
    return [triplets](Napi::Env env) -> Napi::Value {
      Napi::Object result = Napi::Object::New(env);
      result.Set("anchors", copyOf(env, triplets->anchors));
      result.Set("positives", copyOf(env, triplets->positives));
      result.Set("negatives", copyOf(env, triplets->negatives));
      return result;
    };
  });
}

Napi::Promise tripletLoss(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const Fields options(info[2], "options", Fields::Kind::argument);
  Arrays arrays;
  const Rows rows =
      toRows(arrays.copy<float>(info[0], "embeddings"), "embeddings", options.integer("dimensions", 1));
  const TripletsView triplets =
      readTriplets(arrays, Fields(info[1], "triplets", Fields::Kind::argument), rows.count);
  auto* const gradient = arrays.output<float>(info[3], "gradient", {rows.count, rows.dimensions});
  const std::atomic<int32_t>* const cancel = arrays.readCancel(info[4]);
  const Backend& backend = readBackend(options);
  const TripletLoss loss{rows.dimensions, readMargin(options), readThreads(options), cancel};
  return worker.post(std::move(arrays), [=, &backend]() -> PromiseWorker::Resolve {
    checkFinite(rows, "embeddings");
    const LossValue value = backend.tripletLoss(rows.data, rows.count, triplets, loss, gradient);
    return [value](Napi::Env env) -> Napi::Value {
      Napi::Object result = Napi::Object::New(env);
      result.Set("loss", value.loss);
      result.Set("active", static_cast<double>(value.active));
      return result;
    };
  });
}

}  // namespace facenet::binding
