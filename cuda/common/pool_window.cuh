// The windows of a pool, as its kernels go over them.
#pragma once

#include "cuda/common/device.cuh"
#include "native/core/shape.h"
#include "native/ops/pool.h"

namespace facenet::cuda {

// One axis of the window.
struct Axis {
  int kernel, stride, dilation, before, after, size;
};

struct Geometry {
  Axis rows, columns;
  unsigned outHeight, outWidth;
  bool countPadding, mean;
};

// The pixels of a window that lie in the image, from `begin` on below `end`, `step` apart; how many they are, and how
// many pixels of the window lie in the padded image.
struct Span {
  int begin, end, step, inside, padded;
};
template <bool Dilated>
__device__ __forceinline__ Span spanOf(const Axis& axis, unsigned position) {
  const int begin = static_cast<int>(position) * axis.stride - axis.before;
  if constexpr (Dilated) {
    const int step = axis.dilation, first = begin < 0 ? begin + ceilDivide(-begin, step) * step : begin;
    const int end = min(begin + (axis.kernel - 1) * step + 1, axis.size);
    return {first, end, step, ceilDivide(end - first, step),
            min(axis.kernel, ceilDivide(axis.size + axis.after - begin, step))};
  } else {
    const int first = max(begin, 0), end = min(begin + axis.kernel, axis.size);
    return {first, end, 1, end - first, min(axis.kernel, axis.size + axis.after - begin)};
  }
}

// What an average divides by.
__device__ __forceinline__ float divisorOf(const Geometry& g, const Span& rows, const Span& columns) {
  const int inside = rows.inside * columns.inside;
  return static_cast<float>(g.countPadding ? rows.padded * columns.padded : inside);
}

inline Geometry geometryOf(const Pool& op, const View& x, const View& y) {
  const auto axisOf = [](int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after,
                         int64_t size) {
    return Axis{static_cast<int>(kernel), static_cast<int>(stride), static_cast<int>(dilation),
                static_cast<int>(before), static_cast<int>(after),  static_cast<int>(size)};
  };
  const Window& w = op.window;
  return {axisOf(w.kernelHeight, w.strideHeight, w.dilationHeight, w.padTop, w.padBottom, x.shape.height),
          axisOf(w.kernelWidth, w.strideWidth, w.dilationWidth, w.padLeft, w.padRight, x.shape.width),
          static_cast<unsigned>(y.shape.height),
          static_cast<unsigned>(y.shape.width),
          op.countPadding,
          op.mean};
}

// run(Side as a constant): 3 or 2 where the window is such a square and `N` numbers are read at once; 1 for any other
// window, 0 for a dilated one.
template <int N, class Run>
void withSide(const Window& window, Run run) {
  if (window.dilated()) return run(std::integral_constant<int, 0>());
  const bool square = window.kernelHeight == window.kernelWidth;
  if constexpr (N > 1) {
    if (square && window.kernelHeight == 3) return run(std::integral_constant<int, 3>());
    if (square && window.kernelHeight == 2) return run(std::integral_constant<int, 2>());
  }
  run(std::integral_constant<int, 1>());
}

}  // namespace facenet::cuda
