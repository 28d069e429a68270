#include "native/binding/embeddings.h"

#include <cmath>

#include "native/binding/devices.h"

namespace facenet::binding {
namespace {

int64_t readDimensions(const Napi::Value& value) {
  const int64_t dimensions = value.IsNumber() ? value.As<Napi::Number>().Int64Value() : 0;
  if (dimensions < 1) throw invalidArgument("dimensions", "an integer of at least 1", describe(value));
  return dimensions;
}

// A Float32Array of whole rows.
Napi::TypedArray readRows(const Napi::Value& value, const char* argument, int64_t dimensions) {
  const Napi::TypedArray rows = readTypedArray(value, argument, napi_float32_array);
  if (static_cast<int64_t>(rows.ElementLength()) % dimensions != 0)
    throw invalidArgument(argument, text("rows of ", dimensions), text(rows.ElementLength(), " values"));
  return rows;
}

int64_t rowsOf(const Napi::TypedArray& array, int64_t dimensions) {
  return static_cast<int64_t>(array.ElementLength()) / dimensions;
}

}  // namespace

Napi::Promise l2Normalize(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const int64_t dimensions = readDimensions(info[1]);
  const auto x = readRows(info[0], "x", dimensions);
  const double epsilon = info[2].IsNumber() ? info[2].As<Napi::Number>().DoubleValue() : -1;
  if (!(epsilon >= 0) || std::isinf(epsilon))
    throw invalidArgument("epsilon", "a finite number of at least 0", describe(info[2]));
  const auto out =
      readTypedArray(info[3], "out", napi_float32_array, static_cast<int64_t>(x.ElementLength()));
  const L2Normalize normalize = l2NormalizeOn(readDevice(info[4]));

  const auto* from = elementsOf<const float>(x);
  auto* to = elementsOf<float>(out);
  const int64_t rows = rowsOf(x, dimensions);
  return worker.post({x, out}, nullptr, [=]() -> PromiseWorker::Resolve {
    normalize(from, rows, dimensions, static_cast<float>(epsilon), to);
    return {};
  });
}

Napi::Promise pairwiseDistances(const Napi::CallbackInfo& info, PromiseWorker& worker) {
  const int64_t dimensions = readDimensions(info[2]);
  const auto a = readRows(info[0], "a", dimensions);
  const auto b = readRows(info[1], "b", dimensions);
  const int64_t n = rowsOf(a, dimensions), m = rowsOf(b, dimensions);
  const auto out = readTypedArray(info[3], "out", napi_float32_array, n * m);
  const PairwiseDistances distances = pairwiseDistancesOn(readDevice(info[4]));

  const auto* left = elementsOf<const float>(a);
  const auto* right = elementsOf<const float>(b);
  auto* to = elementsOf<float>(out);
  return worker.post({a, b, out}, nullptr, [=]() -> PromiseWorker::Resolve {
    distances(left, n, right, m, dimensions, to);
    return {};
  });
}

}  // namespace facenet::binding
