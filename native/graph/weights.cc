#include "native/graph/weights.h"

#include <cmath>

namespace facenet {
namespace {

std::string shapeText(const std::vector<int64_t>& shape) {
  std::string result = "[";
  for (size_t i = 0; i < shape.size(); ++i) result += text(i ? ", " : "", shape[i]);
  return result + "]";
}

// A file promises no alignment, hence memcpy.
template <class T>
float element(const void* data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const uint8_t*>(data) + index * sizeof(T), sizeof(T));
  return toFloat(value);
}

}  // namespace

int64_t WeightTensor::elements() const {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
}

std::vector<float> Weights::read(const std::string& name, const std::vector<int64_t>& shape,
                                 const std::string& layer, bool allowScalar) const {
  const std::string argument = text("tensor ", name, " of layer ", layer);
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw invalidModel(argument, "a tensor of shape " + shapeText(shape), "none");
  const WeightTensor& tensor = found->second;
  if (tensor.dtype != DType::f32 && tensor.dtype != DType::bf16)
    throw invalidModel(argument, "f32 or bf16 values", dtypeName(tensor.dtype));

  const int64_t stored = tensor.elements();
  const bool scalar = allowScalar && stored == 1;
  if (tensor.shape != shape && !scalar)
    throw invalidModel(argument, "shape " + shapeText(shape), "shape " + shapeText(tensor.shape));

  const auto at = tensor.dtype == DType::f32 ? element<float> : element<bf16>;
  std::vector<float> values(stored);
  for (int64_t i = 0; i < stored; ++i) {
    values[i] = at(tensor.data, i);
    if (!std::isfinite(values[i]))
      throw invalidModel(argument, "finite values", text(values[i], " at element ", i));
  }
  if (scalar) values = std::vector<float>(WeightTensor{.shape = shape}.elements(), values.front());
  return values;
}

}  // namespace facenet
