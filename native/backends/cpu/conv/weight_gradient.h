// The gradient of a sliding sum's weights and biases.
#pragma once

#include "native/backends/cpu/conv/engine.h"

namespace facenet::cpu {

// A vector of output channels: where its gradient is read, and the parameters that get its sums.
struct GradientColumn {
  const float* gradient = nullptr;  // of pixel 0
  int64_t stride = 0;               // floats between pixels
  int64_t lanes = 0;                // channels that exist
};

class WeightGradient {
 public:
  virtual ~WeightGradient() = default;
  virtual int64_t scratchFloats(int64_t images) const = 0;
  // Adds the gradients at the places of the weights and biases; bias[l] is negative where lane l has none.
  virtual void add(const Pass& pass, const View& source, const std::vector<GradientColumn>& columns,
                   float* scratch, float* gradients) const = 0;
  virtual std::string describe() const = 0;
};

// places: as in Product, of the forward sum.
std::unique_ptr<WeightGradient> makeDirectGradient(const Taps& taps, int64_t channels, WeightPlaces places,
                                                   std::vector<int64_t> bias);
std::unique_ptr<WeightGradient> makeWinogradGradient(const Taps& taps, int64_t channels, WeightPlaces places,
                                                     std::vector<int64_t> bias);

}  // namespace facenet::cpu
