// Max, average and L2 pooling over a sliding window; a global pool is one window as large as the image.
#include <algorithm>
#include <cmath>
#include <limits>

#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {
namespace {

// A window along one axis: the pixels of its taps inside the image, and how many taps lie inside the padded image.
struct Span {
  std::vector<int64_t> inside;
  int64_t padded = 0;
};

Span spanOf(int64_t position, int64_t stride, int64_t kernel, int64_t dilation, int64_t before, int64_t after,
            int64_t size) {
  Span span;
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t pixel = position * stride + tap * dilation - before;
    if (pixel >= 0 && pixel < size) span.inside.push_back(pixel);
    if (pixel < size + after) ++span.padded;
  }
  return span;
}

// What an average over the window divides by.
int64_t divisorOf(const Pool& op, const Span& rows, const Span& columns) {
  return op.countPadding ? rows.padded * columns.padded
                         : static_cast<int64_t>(rows.inside.size() * columns.inside.size());
}

double poolWindow(const Pool& op, const View& in, int64_t n, const Span& rows, const Span& columns,
                  int64_t c) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0, squares = 0;
  for (int64_t row : rows.inside) {
    for (int64_t column : columns.inside) {
      const double value = load(in, pixelIndex(in, n, row, column) + c);
      largest = std::max(largest, value);
      sum += value;
      squares += value * value;
    }
  }
  const int64_t divisor = divisorOf(op, rows, columns);
  switch (op.kind) {
    case Pool::Kind::max: return largest;
    case Pool::Kind::avg: return sum / static_cast<double>(divisor);
    default: return std::sqrt(op.mean ? squares / static_cast<double>(divisor) : squares);
  }
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Pool& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const Window& w = op.window;
    const View &in = inputs[0], &out = outputs[0];
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      const Span rows =
          spanOf(y, w.strideHeight, w.kernelHeight, w.dilationHeight, w.padTop, w.padBottom, in.shape.height);
      const Span columns =
          spanOf(x, w.strideWidth, w.kernelWidth, w.dilationWidth, w.padLeft, w.padRight, in.shape.width);
      for (int64_t c = 0; c < in.shape.channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, poolWindow(op, in, n, rows, columns, c));
    });
  });
}

namespace {

template <class Real>
class PoolLoops final : public PlainLoops<Pool> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const Window& w = op_.window;
    const View &x = pass.x[0], &y = pass.y[0], &dy = gradients.dy[0];
    Batch<Real> dx(x);
    forEachPixel(y, [&](int64_t n, int64_t oy, int64_t ox) {
      const Span rows =
          spanOf(oy, w.strideHeight, w.kernelHeight, w.dilationHeight, w.padTop, w.padBottom, x.shape.height);
      const Span columns =
          spanOf(ox, w.strideWidth, w.kernelWidth, w.dilationWidth, w.padLeft, w.padRight, x.shape.width);
      for (int64_t c = 0; c < x.shape.channels; ++c)
        addWindow(x, n, rows, columns, c, static_cast<Real>(load(y, pixelIndex(y, n, oy, ox) + c)),
                  static_cast<Real>(load(dy, pixelIndex(dy, n, oy, ox) + c)), dx);
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }

 private:
  void addWindow(const View& x, int64_t n, const Span& rows, const Span& columns, int64_t c, Real y, Real dy,
                 Batch<Real>& dx) const {
    const int64_t divisor = divisorOf(op_, rows, columns);
    Real* winner = nullptr;
    Real largest = 0;
    for (int64_t row : rows.inside) {
      for (int64_t column : columns.inside) {
        const auto value = static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c));
        Real& target = dx.at(n, row, column, c);
        if (op_.kind == Pool::Kind::avg) target += dy / static_cast<Real>(divisor);
        if (op_.kind == Pool::Kind::l2 && y != 0)
          target += value * dy / (op_.mean ? y * static_cast<Real>(divisor) : y);
        if (!winner || value > largest) winner = &target, largest = value;
      }
    }
    if (op_.kind == Pool::Kind::max && winner) *winner += dy;
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Pool& op, const TrainContext& context, Precision sums) {
  return makeLoops<PoolLoops>(op, context, sums);
}

}  // namespace facenet::reference
