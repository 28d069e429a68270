// What happens to the output channels of a product on their way to memory: bias, residual, activation,
// destination.
#pragma once

#include <vector>

#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/graph/plan.h"

namespace facenet::cpu {

// The slopes of a prelu, one a channel; empty for other activations.
std::vector<float> readSlopes(const Activation& activation, int64_t channels, const Weights& weights,
                              const std::string& layer);

// Output channels laid out in vectors of isa().lanes. Each part starts at a vector of its own, so that one
// vector never has two destinations; lanes past a part's last channel are computed and dropped.
class Epilogue {
 public:
  struct Part {
    int64_t channels;
    Activation::Kind activation;
    std::vector<float> bias;    // one a channel
    std::vector<float> slopes;  // likewise; empty unless prelu
  };
  explicit Epilogue(const std::vector<Part>& parts);

  int64_t vectors() const { return static_cast<int64_t>(columns_.size()); }
  // First vector of part p.
  int64_t firstVector(size_t part) const { return first_[part]; }

  // The columns for these views: part p writes outputs[p]. residual may be null. `columns` has vectors()
  // entries.
  void bind(const std::vector<View>& outputs, const View* residual, GemmColumn* columns) const;

 private:
  struct Column {
    size_t part;
    int64_t channel, lanes;
  };
  std::vector<Column> columns_;
  std::vector<int64_t> first_;
  std::vector<Activation::Kind> kinds_;
  AlignedArray<float> bias_, slope_;  // a vector a column
};

}  // namespace facenet::cpu
