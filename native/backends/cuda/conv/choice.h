// A convolution as a problem, and the choice of the kernel that solves it: one for inference and training, made from
// shapes alone.
#pragma once

#include <optional>
#include <string>

#include "cuda/conv2d/common/pack_weights.cuh"
#include "cuda/conv2d/common/tile.h"
#include "native/ops/preprocess.h"

namespace facenet::cuda {

struct ConvProblem {
  // The window of a fully connected layer covers the image. A data gradient multiplies by transposed weights.
  enum class Kind : uint8_t { conv2d, fullyConnected, dataGradient };
  Kind kind = Kind::conv2d;
  // Tiles are those of kTrainingDevice on every device, and x may begin anywhere.
  bool training = false;

  Window window{};
  int64_t groups = 1;
  Shape in, out;                           // of what is convolved, and of the result
  std::optional<Preprocess> preprocess{};  // x is the image that it makes `in` of
  int64_t maxout = 1;

  // The layer's weights as they are stored, outChannels x inChannels / groups x kernelHeight x kernelWidth, and those
  // of its taps that are used (cuda/conv2d/common/pack_weights.cuh). Sibling convolutions are one layer here.
  int64_t outChannels = 0, inChannels = 0;
  int64_t kernelHeight = 1, kernelWidth = 1;
  TapRun tapsDown{}, tapsAcross{};
  bool channelsLast = false;  // fully connected: outChannels x kernelHeight x kernelWidth x inChannels
  bool bias = false, slope = false;

  DType inType = DType::f32;      // of x, unless there is a preprocess
  DType weightType = DType::f32;  // of the plan
  int64_t pixelStride = 0;        // of x; 0: the channels, rounded up to a multiple of 8
  bool aligned = true;            // x begins at a multiple of 16 bytes

  int64_t taps() const { return window.kernelHeight * window.kernelWidth; }
};

struct ConvConfig {
  // exact: cuda/conv2d/forward/conv2d_f32.cuh; mma: conv2d_mma.cuh, tensor cores
  enum class Kernel : uint8_t { depthwise, stem, exact, mma };
  Kernel kernel = Kernel::exact;
  // The packed weights: columns of a group, and terms of a tap. Of a stem and a depthwise layer only the columns count.
  int64_t columns = 0, tapTerms = 0;
  ConvTile tile{};  // of exact and mma
  int64_t scratchBytes = 0;
};

// Whether a layer has one group per channel of its input.
inline bool isDepthwise(int64_t groups, int64_t inChannels) {
  return groups > 1 && groups == inChannels;
}

// The kernel and the packed weights do not depend on `images`, `pixelStride` and `aligned`.
ConvConfig chooseConv(const ConvProblem& problem, int64_t images, const ConvDevice& device);

// "mma bf16 128x64x32, 4 stages at 256 images", "fma f32 64x64x8 at 256 images", "depthwise 3x3", "stem bf16 of bytes"
std::string describe(const ConvProblem& problem, const ConvDevice& device);

// How the gradient of a layer's input x is computed: `direct`, a convolution of the output's gradient with stride 1;
// `classes`, one such for each class of pixels (cuda/conv2d/data_gradient/data_gradient.cuh); `gathered`, for depthwise
// layers that are neither.
enum class DataGradientRoute : uint8_t { direct, classes, gathered };
DataGradientRoute chooseDataGradient(const Window& window, int64_t groups, const Shape& x, const Shape& y);

}  // namespace facenet::cuda
