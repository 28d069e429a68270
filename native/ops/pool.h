// max_pool, avg_pool, l2_pool over a sliding window, and their global forms over the whole image.
// A window of dilation d has every d-th pixel of its extent.
//   max  y = max x over the window inside the image; padding never wins.
//   avg  y = sum x / divisor; divisor = pixels of the window inside the image, or with countPadding those inside the
//        padded image (Caffe, Torch). A window's overhang past the padding (ceil rounding) never counts.
//   l2   y = sqrt(sum x^2), or with `mean` sqrt(sum x^2 / divisor). The FaceNet paper does not say which; OpenFace sums.
//
// Backward: max dy goes to the largest of the window; avg every x of the window gets dy / divisor;
//   l2 dx = sum over windows of x dy / y, with `mean` x dy / (y divisor); 0 where y = 0.
#pragma once

#include "native/ops/tensor.h"
#include "native/ops/window.h"

namespace facenet {

struct Pool {
  enum class Kind : uint8_t { max, avg, l2 };
  Kind kind = Kind::max;
  Window window;
  bool global = false;  // the window is the whole image; `window` is then filled in by shape inference
  bool countPadding = false;
  bool mean = false;  // l2 only

  static constexpr const char* kNames[] = {"max_pool", "avg_pool", "l2_pool", "global_pool"};
  static constexpr bool kHasGradient = true;
  static Pool read(const NodeFields& node);
  std::string name() const;
  Shape infer(const Inputs& inputs);
  OpTensors tensors(const Shape&) const { return {}; }
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

// Max pooling in training keeps the winner's place in its window as one byte.
constexpr int64_t kMaxPooledPixels = 256;

inline const char* poolName(Pool::Kind kind) {
  return kind == Pool::Kind::max ? "max" : kind == Pool::Kind::avg ? "avg" : "l2";
}

}  // namespace facenet
