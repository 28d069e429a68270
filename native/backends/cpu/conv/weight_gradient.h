// The gradient of a convolution's weights and biases: a GEMM whose sums run over output pixels.
#pragma once

#include "native/backends/cpu/conv/engine.h"
#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

// A vector of output channels: where its gradient is read.
struct GradientColumn {
  const float* gradient = nullptr;  // of pixel 0
  int64_t stride = 0;               // floats between pixels
  int64_t lanes = 0;                // channels that exist
};

class WeightGradient {
 public:
  virtual ~WeightGradient() = default;
  virtual int64_t scratchFloats(int64_t images) const = 0;
  // Adds the gradients where the weights and biases are among the parameters.
  virtual void add(const Pass& pass, const View& source, const std::vector<GradientColumn>& columns,
                   float* scratch, float* gradients) const = 0;
  virtual std::string describe() const = 0;
};

// im2col, run and weights: those of the forward product. bias[n]: the offset of output channel n's, negative where it
// has none.
std::unique_ptr<WeightGradient> makeGemmWeightGradient(const Im2col& im2col, int64_t run,
                                                       WeightSource weights, std::vector<int64_t> bias);
std::unique_ptr<WeightGradient> makeWinogradWeightGradient(const Im2col& im2col, int64_t channels,
                                                           WeightSource weights, std::vector<int64_t> bias);

// Panels of up to three vectors of output channels, as many as a tile of sums holds.
struct GradientPanel {
  int64_t first, vectors;
};
inline std::vector<GradientPanel> gradientPanels(int64_t vectors) {
  std::vector<GradientPanel> panels;
  for (int64_t first = 0; first < vectors; first += 3)
    panels.push_back({first, std::min<int64_t>(3, vectors - first)});
  return panels;
}

}  // namespace facenet::cpu
