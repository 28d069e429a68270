// L2 normalisation of one image's elements.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/loops.h"

namespace facenet::reference {

Loop prepare(const L2Normalize& op, const Context&) {
  return [op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    std::vector<double> squares(static_cast<size_t>(in.count), 0.0);
    forEachPixel(in, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < in.shape.channels; ++c) {
        const double value = load(in, pixelIndex(in, n, y, x) + c);
        squares[n] += value * value;
      }
    });
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const double norm = std::max(std::sqrt(squares[n]), static_cast<double>(op.epsilon));
      for (int64_t c = 0; c < out.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, load(in, pixelIndex(in, n, y, x) + c) / norm);
    });
  };
}

}  // namespace facenet::reference
