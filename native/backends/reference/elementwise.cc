// The ops that only pick, copy or add: maxout, concat, add, zero pad, upsample.
#include <algorithm>
#include <limits>

#include "native/backends/reference/loops.h"

namespace facenet::reference {

Loop prepare(const Maxout& op, const Context&) {
  return [op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t j = 0; j < out.shape.channels; ++j) {
        double largest = -std::numeric_limits<double>::infinity();
        for (int64_t i = 0; i < op.pieces; ++i)
          largest = std::max(largest, load(in, pixelIndex(in, n, y, x) + j * op.pieces + i));
        store(out, pixelIndex(out, n, y, x) + j, largest);
      }
    });
  };
}

Loop prepare(const Concat&, const Context&) {
  return [](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View& out = outputs[0];
    int64_t firstChannel = 0;
    for (const View& in : inputs) {
      forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
        for (int64_t c = 0; c < in.shape.channels; ++c)
          store(out, pixelIndex(out, n, y, x) + firstChannel + c, load(in, pixelIndex(in, n, y, x) + c));
      });
      firstChannel += in.shape.channels;
    }
  };
}

Loop prepare(const Add& op, const Context& context) {
  const Activate activate(op.activation, context.output().channels, context);
  return [op, activate](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &a = inputs[0], &b = inputs[1], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double sum =
            load(a, pixelIndex(a, n, y, x) + c) + op.factor * load(b, pixelIndex(b, n, y, x) + c);
        store(out, pixelIndex(out, n, y, x) + c, activate(sum, c));
      }
    });
  };
}

Loop prepare(const ZeroPad& op, const Context&) {
  return [op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const int64_t row = y - op.top, column = x - op.left;
      const bool inside = row >= 0 && row < in.shape.height && column >= 0 && column < in.shape.width;
      for (int64_t c = 0; c < out.shape.channels; ++c) {
        const double value =
            inside && c < in.shape.channels ? load(in, pixelIndex(in, n, row, column) + c) : 0;
        store(out, pixelIndex(out, n, y, x) + c, value);
      }
    });
  };
}

Loop prepare(const Upsample& op, const Context&) {
  return [op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < out.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c,
              load(in, pixelIndex(in, n, y / op.factor, x / op.factor) + c));
    });
  };
}

}  // namespace facenet::reference
