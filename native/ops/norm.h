// batch_norm (inference): y = (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c].
// affine: y = x * scale[c] + shift[c]. Both are one multiply and one add per channel, so one op carries them;
// an empty tensor name stands for zeros (mean, shift) or ones (scale, and variance with epsilon 0).
//
// Backward:
//   batch_norm  In training mean and variance are those of the chunk, over its m = images * pixels values of a
//               channel, the variance being the biased sum (x - mean)^2 / m.
//               With z = (x - mean) / sqrt(variance + epsilon):
//                 dshift = sum dy,  dscale = sum dy z
//                 dx = scale / sqrt(variance + epsilon) * (dy - dshift / m - z dscale / m)
//               The running mean and variance move towards the chunk's by a rate that the caller gives:
//               running += rate (batch - running), with the variance made unbiased by m / (m - 1). By running
//               statistics, which are constants, dx = scale / sqrt(variance + epsilon) * dy.
//   affine      dx = scale dy,  dscale = sum dy x,  dshift = sum dy
// A parameter of one element for all channels gets the sum of their gradients.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct Norm {
  std::string scale, shift;    // tensors of C, or of one for all channels
  std::string mean, variance;  // batch_norm only
  // Batch_norm only, >= 0. The paper of batch normalisation leaves it open; 1e-3 and 1e-5 are usual.
  float epsilon = 0;
  bool batch() const { return !variance.empty(); }

  static constexpr const char* kNames[] = {"batch_norm", "affine"};
  static constexpr bool kHasGradient = true;
  static Norm read(const NodeFields& node);
  std::string name() const { return batch() ? kNames[0] : kNames[1]; }
  Shape infer(const Inputs& inputs) const;
  OpTensors tensors(const Shape& in) const;
  int64_t multiplyAdds(const Shape&, const Shape&) const { return 0; }
};

}  // namespace facenet
