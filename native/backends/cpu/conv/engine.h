// A sliding sum of a view and weights that change between calls: the forward of a convolution and its data
// gradient. Weights are packed once a call, then the output is computed item by item.
#pragma once

#include <memory>

#include "native/backends/cpu/conv/im2col.h"
#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

inline int64_t lanes() {
  return isa().lanes;
}

// Where weights lie in the vector of parameters: that of term k of the sum and output lane l at
// terms[k] + lanes[l]; nowhere, and zero, where either is negative. Terms are (tap, channel), channels
// innermost; lanes are whole vectors.
struct WeightPlaces {
  std::vector<int64_t> terms, lanes;
  float factor = 1;
};

class Product {
 public:
  virtual ~Product() = default;
  virtual int64_t packedFloats() const = 0;
  virtual int64_t packItems() const = 0;
  virtual void pack(const float* parameters, int64_t item, float* packed) const = 0;
  virtual int64_t items(int64_t images) const = 0;
  // Item `item` of the output: columns[v] says where vector v of output lanes goes.
  virtual void multiply(const View& source, const float* packed, const GemmColumn* columns,
                        int64_t item) const = 0;
  virtual std::string describe() const = 0;
};

// `channels` floats under each tap.
std::unique_ptr<Product> makeGemm(const Taps& taps, int64_t channels, WeightPlaces places);
// Nine taps around a pixel, stride 1. `turned` takes the kernel turned by 180 degrees: terms are channels, and
// the nine weights of a channel and lane follow each other.
std::unique_ptr<Product> makeWinograd(const Taps& taps, int64_t channels, WeightPlaces places, bool turned);

// Whether Winograd's algorithm suits nine taps: as for inference, see choice.h.
bool suitsWinograd(const Window& window, int64_t inChannels, int64_t outChannels, int64_t height,
                   int64_t width);

}  // namespace facenet::cpu
