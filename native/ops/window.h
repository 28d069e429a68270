// What convolutions and pools share: a window that slides over the image.
#pragma once

#include "native/core/integers.h"
#include "native/ops/attributes.h"
#include "native/ops/rule.h"

namespace facenet {

enum class Rounding : uint8_t { floor, ceil };

// kernel, stride, dilation >= 1; padding >= 0 on each side (TensorFlow's SAME is asymmetric, so all four are given).
struct Window {
  int64_t kernelHeight = 1, kernelWidth = 1;
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
  Rounding rounding = Rounding::floor;
  int64_t dilationHeight = 1, dilationWidth = 1;  // pixels from one tap to the next

  bool pointwise() const {
    return kernelHeight == 1 && kernelWidth == 1 && strideHeight == 1 && strideWidth == 1 && !padded();
  }
  bool padded() const { return padTop || padLeft || padBottom || padRight; }
  // Pixels from the first tap to the last one, both included.
  int64_t extentHeight() const { return (kernelHeight - 1) * dilationHeight + 1; }
  int64_t extentWidth() const { return (kernelWidth - 1) * dilationWidth + 1; }
  bool dilated() const { return extentHeight() != kernelHeight || extentWidth() != kernelWidth; }
  bool operator==(const Window&) const = default;

  // `kernel`, `stride` and `padding`, all of which have to be there, and `dilation`.
  static Window read(const Attributes& attributes);
  // The shape that the window gives; checks that it fits.
  Shape infer(const Inputs& inputs, int64_t channels) const;
};

// floor((size + before + after - extent) / stride) + 1, or with ceil. With ceil, a last window that would start
// beyond the image and its leading padding is dropped (Caffe, Torch). Returns < 1 where the window does not fit.
inline int64_t slidingSize(int64_t size, int64_t extent, int64_t stride, int64_t before, int64_t after,
                           Rounding rounding) {
  const int64_t room = size + before + after - extent;
  if (room < 0) return 0;
  int64_t count = (rounding == Rounding::ceil ? ceilDivide(room, stride) : room / stride) + 1;
  if (rounding == Rounding::ceil && (count - 1) * stride >= size + before) --count;
  return count;
}

// How many taps of a window are less than `distance` pixels from its first one, however many it has; not above 0 where
// `distance` is not.
inline int64_t tapsWithin(int64_t distance, int64_t dilation) {
  return dilation == 1 ? distance : (distance + dilation - 1) / dilation;
}

inline Shape slidingShape(const Window& w, const Shape& in, int64_t channels) {
  return {slidingSize(in.height, w.extentHeight(), w.strideHeight, w.padTop, w.padBottom, w.rounding),
          slidingSize(in.width, w.extentWidth(), w.strideWidth, w.padLeft, w.padRight, w.rounding), channels};
}

}  // namespace facenet
