// Max, average and L2 pooling over a sliding window; a global pool is one window as large as the image.
#include <algorithm>
#include <cmath>
#include <limits>

#include "native/backends/reference/loops.h"

namespace facenet::reference {
namespace {

// A window along one axis: the pixels [begin, end) inside the image, and how many lie inside the padded
// image.
struct Span {
  int64_t begin, end, padded;
};

Span spanOf(int64_t position, int64_t stride, int64_t kernel, int64_t before, int64_t after, int64_t size) {
  const int64_t begin = position * stride - before;
  const int64_t end = begin + kernel;
  return {std::max<int64_t>(begin, 0), std::min(end, size), std::min(end, size + after) - begin};
}

double poolWindow(const Pool& op, const View& in, int64_t n, const Span& rows, const Span& columns,
                  int64_t c) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0, squares = 0;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    for (int64_t column = columns.begin; column < columns.end; ++column) {
      const double value = load(in, pixelIndex(in, n, row, column) + c);
      largest = std::max(largest, value);
      sum += value;
      squares += value * value;
    }
  }
  const int64_t divisor = op.countPadding ? rows.padded * columns.padded
                                          : (rows.end - rows.begin) * (columns.end - columns.begin);
  switch (op.kind) {
    case Pool::Kind::max: return largest;
    case Pool::Kind::avg: return sum / static_cast<double>(divisor);
    default: return std::sqrt(op.mean ? squares / static_cast<double>(divisor) : squares);
  }
}

}  // namespace

Loop prepare(const Pool& op, const Context&) {
  return [op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const Window& w = op.window;
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const Span rows = spanOf(y, w.strideHeight, w.kernelHeight, w.padTop, w.padBottom, in.shape.height);
      const Span columns = spanOf(x, w.strideWidth, w.kernelWidth, w.padLeft, w.padRight, in.shape.width);
      for (int64_t c = 0; c < in.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, poolWindow(op, in, n, rows, columns, c));
    });
  };
}

}  // namespace facenet::reference
