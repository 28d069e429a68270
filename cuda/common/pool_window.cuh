// The windows of a pool, as its kernels go over them.
#pragma once

#include "cuda/common/device.cuh"
#include "native/core/shape.h"
#include "native/ops/pool.h"

namespace facenet::cuda {

// One axis of the window.
struct Axis {
  int kernel, stride, before, after, size;
};

struct Geometry {
  Axis rows, columns;
  unsigned outHeight, outWidth;
  bool countPadding, mean;
};

// The pixels [begin, end) of a window that lie in the image, and how many lie in the padded image.
struct Span {
  int begin, end, padded;
};
__device__ __forceinline__ Span spanOf(const Axis& axis, unsigned position) {
  const int begin = static_cast<int>(position) * axis.stride - axis.before;
  const int end = begin + axis.kernel;
  return {max(begin, 0), min(end, axis.size), min(end, axis.size + axis.after) - begin};
}

// What an average divides by.
__device__ __forceinline__ float divisorOf(const Geometry& g, const Span& rows, const Span& columns) {
  const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
  return static_cast<float>(g.countPadding ? rows.padded * columns.padded : inside);
}

inline Geometry geometryOf(const Pool& op, const View& x, const View& y) {
  const auto axisOf = [](int64_t kernel, int64_t stride, int64_t before, int64_t after, int64_t size) {
    return Axis{static_cast<int>(kernel), static_cast<int>(stride), static_cast<int>(before),
                static_cast<int>(after), static_cast<int>(size)};
  };
  const Window& w = op.window;
  return {axisOf(w.kernelHeight, w.strideHeight, w.padTop, w.padBottom, x.shape.height),
          axisOf(w.kernelWidth, w.strideWidth, w.padLeft, w.padRight, x.shape.width),
          static_cast<unsigned>(y.shape.height),
          static_cast<unsigned>(y.shape.width),
          op.countPadding,
          op.mean};
}

// run(Side as a constant): 3 or 2 where the window is such a square and `N` numbers are read at once, else 0.
template <int N, class Run>
void withSide(const Window& window, Run run) {
  const bool square = window.kernelHeight == window.kernelWidth;
  if constexpr (N > 1) {
    if (square && window.kernelHeight == 3) return run(std::integral_constant<int, 3>());
    if (square && window.kernelHeight == 2) return run(std::integral_constant<int, 2>());
  }
  run(std::integral_constant<int, 0>());
}

}  // namespace facenet::cuda
