// conv2d: y[o] = activation(sum over (ky, kx, i) of x[y * s + ky * d - pad, x * s + kx * d - pad, i] * w[o, i, ky, kx] +
// b[o]), with the stride s and the dilation d of each direction.
// Weights are stored O x I/groups x KH x KW (PyTorch, ONNX). groups == channels is a depthwise convolution.
//
// After planning one conv2d step may stand for several layers of the network:
//   parts     sibling convolutions of one input and one window (the 1x1 reductions of an inception block), run as one
//             product; part p writes output p of the step.
//   norms     batch normalisations and affines that followed, folded into weight and bias in order.
//   factor    scale of a scaled residual add, folded likewise.
//   residual  input 1 of the step is added before the activation (one part only): y = activation(conv + residual).
//   preprocess  the fixed preprocess of the uint8 image that input 0 then is; x is its result, and padding is zero there.
//
// Backward, with f = factor and g = f dy after the activation:
//   data        dx[p, i] = sum over taps (ky, kx) and output pixels q with q * s + (ky, kx) * d - pad = p, and over o, of
//               g[q, o] w[o, i, ky, kx]: for stride 1 a convolution of g with the kernel turned by 180 degrees and
//               padding (k - 1) * d - pad; for stride s one such problem for each of the s * s classes of input pixels,
//               which only the taps of that class reach
//   weights     dw[o, i, ky, kx] = sum over images and q of g[q, o] x[q * s + (ky, kx) * d - pad, i]
//   bias        db[o] = sum over images and q of g[q, o]
//   residual    gets dy after the activation, without f
#pragma once

#include <optional>
#include <vector>

#include "native/ops/activation.h"
#include "native/ops/norm.h"
#include "native/ops/preprocess.h"
#include "native/ops/window.h"

namespace facenet {

struct ConvPart {
  std::string weight;
  std::string bias;  // empty: none
  std::vector<Norm> norms;
  float factor = 1;
  int64_t outChannels = 0;
  Activation activation;
};

struct Conv2d {
  Window window;
  int64_t groups = 1;
  std::vector<ConvPart> parts;
  bool residual = false;
  std::optional<Preprocess> preprocess;

  // Channels of x, where input 0 has `channels`.
  int64_t inChannels(int64_t channels) const { return !preprocess ? channels : preprocess->grey ? 1 : 3; }
  int64_t outChannels() const {
    int64_t sum = 0;
    for (const ConvPart& part : parts) sum += part.outChannels;
    return sum;
  }

  static constexpr const char* kNames[] = {"conv2d"};
  static constexpr bool kHasGradient = true;
  static Conv2d read(const NodeFields& node);
  std::string name() const { return kNames[0]; }
  // With several parts, their channels together.
  Shape infer(const Inputs& inputs) const;
  OpTensors tensors(const Shape& in) const;
  int64_t multiplyAdds(const Shape& in, const Shape& out) const;
};

}  // namespace facenet
