// Local response normalisation across channels.
#include <algorithm>
#include <cmath>

#include "native/backends/reference/loops.h"

namespace facenet::reference {

Loop prepare(const Lrn& op, const Context&) {
  return [op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    const int64_t channels = in.shape.channels;
    const double alpha =
        op.alphaPerWindow ? static_cast<double>(op.alpha) / static_cast<double>(op.size) : op.alpha;
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const int64_t from = pixelIndex(in, n, y, x), to = pixelIndex(out, n, y, x);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t first = std::max<int64_t>(c - (op.size - 1) / 2, 0);
        const int64_t last = std::min(c + op.size / 2, channels - 1);
        double squares = 0;
        for (int64_t neighbour = first; neighbour <= last; ++neighbour)
          squares += load(in, from + neighbour) * load(in, from + neighbour);
        store(out, to + c,
              load(in, from + c) / std::pow(op.bias + alpha * squares, static_cast<double>(op.beta)));
      }
    });
  };
}

}  // namespace facenet::reference
