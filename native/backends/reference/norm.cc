// Batch normalisation and affine where they stand alone: one scale and one shift a channel.
#include "native/backends/reference/loops.h"

namespace facenet::reference {

Loop prepare(const Norm& op, const Context& context) {
  const ScaleShift norm = foldNorm(op, context.input().channels, context.weights, context.step.name);
  return [norm](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double value = load(in, pixelIndex(in, n, y, x) + c);
        store(out, pixelIndex(out, n, y, x) + c, value * norm.scale[c] + norm.shift[c]);
      }
    });
  };
}

}  // namespace facenet::reference
