// What happens to the output channels of a GEMM on their way to memory: bias, residual, activation, destination.
#pragma once

#include <vector>

#include "native/backends/cpu/isa.h"
#include "native/core/aligned.h"
#include "native/graph/plan.h"
#include "native/graph/weights.h"

namespace facenet::cpu {

// The slopes of a prelu, one for each channel; empty for other activations.
std::vector<float> readSlopes(const Activation& activation, int64_t channels, const Weights& weights,
                              const std::string& layer);

// Output channels laid out in vectors of isa().lanes. Each part starts at a vector of its own, so that one
// vector never has two destinations; lanes past a part's last channel are computed and dropped.
class Epilogue {
 public:
  struct Part {
    int64_t channels;
    Activation::Kind activation = Activation::Kind::none;
  };
  // A vector of output channels.
  struct Column {
    size_t part;
    int64_t channel, lanes;  // its first channel within the part, and how many there are
  };

  Epilogue() = default;
  explicit Epilogue(const std::vector<Part>& parts);

  const std::vector<Column>& columns() const { return columns_; }
  int64_t vectors() const { return static_cast<int64_t>(columns_.size()); }

  // One value for each channel of each part, in whole vectors with zeros behind. A part without values has zeros.
  AlignedArray<float> layOut(const std::vector<std::vector<float>>& values) const;

  // The columns for these views: part p writes outputs[p]. residual may be null. bias, and slopes where an activation
  // is a prelu, are whole vectors. `columns` has vectors() entries.
  void bind(const std::vector<View>& outputs, const View* residual, const float* bias, const float* slopes,
            GemmColumn* columns) const;

 private:
  std::vector<Part> parts_;
  std::vector<Column> columns_;
};

}  // namespace facenet::cpu
