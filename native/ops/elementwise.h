// The small ops: maxout, concat, add, zero_pad, upsample, l2_normalize, preprocess.
#pragma once

#include <array>

#include "native/ops/activation.h"

namespace facenet {

// maxout: y[j] = max over i < pieces of x[j * pieces + i]; channels must be a multiple of pieces.
struct Maxout {
  int64_t pieces = 2;
};

// concat: along channels. Where the planner can, producers write into their slice and no step is left.
struct Concat {};

// add: y = activation(a + factor * b), same shapes. Inception-ResNet's scaled residual.
struct Add {
  float factor = 1;
  Activation activation;
};

// zero_pad: zeros around the image and after the last channel.
struct ZeroPad {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  int64_t channels = 0;
};

// upsample: each pixel becomes factor x factor equal ones: y[i, j] = x[i / factor, j / factor], rounded down.
struct Upsample {
  int64_t factor = 2;
};

// l2_normalize: y = x / max(||x||_2, epsilon) over all elements of an image. The paper's ||f(x)||_2 = 1.
struct L2Normalize {
  float epsilon = 1e-12f;
};

// preprocess: uint8 H x W x 3 RGB -> network input.
//   fixed      y[c] = (x[order[c]] - mean[c]) * scale[c]; mean and scale in the order of the network's channels
//   per image  y = (x - m) / max(sd, 1 / sqrt(elements)), m and sd over all elements of the image
//              (TensorFlow's per_image_standardization)
// order {0, 1, 2} is RGB, {2, 1, 0} BGR; grey networks have one channel: 0.299 R + 0.587 G + 0.114 B.
struct Preprocess {
  bool perImage = false;
  bool grey = false;
  std::array<int, 3> order{0, 1, 2};
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> scale{1, 1, 1};
};

}  // namespace facenet
