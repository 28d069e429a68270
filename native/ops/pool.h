// max_pool, avg_pool, l2_pool over a sliding window, and their global forms over the whole image.
//   max  y = max x over the window inside the image; padding never wins.
//   avg  y = sum x / divisor; divisor = pixels of the window inside the image, or with countPadding those inside the
//        padded image (Caffe, Torch). A window's overhang past the padding (ceil rounding) never counts.
//   l2   y = sqrt(sum x^2), or with `mean` sqrt(sum x^2 / divisor). The FaceNet paper does not say which; OpenFace sums.
#pragma once

#include "native/ops/window.h"

namespace facenet {

struct Pool {
  enum class Kind : uint8_t { max, avg, l2 };
  Kind kind = Kind::max;
  Window window;
  bool global = false;  // the window is the whole image; `window` is then filled in by shape inference
  bool countPadding = false;
  bool mean = false;  // l2 only
};

inline const char* poolName(Pool::Kind kind) {
  return kind == Pool::Kind::max ? "max" : kind == Pool::Kind::avg ? "avg" : "l2";
}

}  // namespace facenet
