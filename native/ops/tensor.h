// The tensors that an op reads beside its inputs.
#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "native/core/shape.h"

namespace facenet {

enum class TensorRole : uint8_t { weight, bias, scale, shift, slope, mean, variance };

// Running statistics of batch normalisation are no parameters: training moves them, but not by a gradient.
constexpr bool isStatistic(TensorRole role) {
  return role == TensorRole::mean || role == TensorRole::variance;
}

inline const char* roleName(TensorRole role) {
  switch (role) {
    case TensorRole::weight: return "weight";
    case TensorRole::bias: return "bias";
    case TensorRole::scale: return "scale";
    case TensorRole::shift: return "shift";
    case TensorRole::slope: return "slope";
    case TensorRole::mean: return "mean";
    default: return "variance";
  }
}

struct OpTensor {
  std::string name;
  std::vector<int64_t> shape;  // with a value for every channel
  TensorRole role = TensorRole::weight;

  int64_t elements() const {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  }
};

class OpTensors : public std::vector<OpTensor> {
 public:
  using vector::vector;
  // A tensor without a name is one that the op does not have.
  void add(const std::string& name, std::vector<int64_t> shape, TensorRole role) {
    if (!name.empty()) push_back({name, std::move(shape), role});
  }
  void append(const OpTensors& others) { insert(end(), others.begin(), others.end()); }
};

}  // namespace facenet
