// batch_norm (inference): y = (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c].
// affine: y = x * scale[c] + shift[c]. Both are one multiply and one add per channel, so one op carries them;
// an empty tensor name stands for zeros (mean, shift) or ones (variance - with epsilon 0 - and scale).
#pragma once

#include <string>

#include "native/core/shape.h"

namespace facenet {

struct Norm {
  std::string scale, shift;    // tensors of C, or of one for all channels
  std::string mean, variance;  // batch_norm only
  float epsilon =
      0;  // >= 0, batch_norm only; the paper of batch normalisation leaves it open, 1e-3 and 1e-5 are usual
  bool batch() const { return !variance.empty(); }
};

}  // namespace facenet
