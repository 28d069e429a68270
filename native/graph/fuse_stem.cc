#include "native/graph/passes.h"

namespace facenet {
namespace {

// What a kernel holds of the image and of the weights at once grows with these, and has to fit the shared memory of
// every device.
constexpr int64_t maxStemKernel = 7, maxStemStride = 4;

// A fixed preprocess into the one convolution that reads its image. One per image needs the whole image first.
bool fusePreprocess(Step& producer, const Step& step, size_t input) {
  const auto* preprocess = std::get_if<Preprocess>(&producer.op);
  const auto* conv = std::get_if<Conv2d>(&step.op);
  if (!preprocess || preprocess->perImage || !conv || input != 0) return false;
  const Window& w = conv->window;
  const bool small = !w.dilated() && w.kernelHeight <= maxStemKernel && w.kernelWidth <= maxStemKernel &&
                     w.strideHeight <= maxStemStride && w.strideWidth <= maxStemStride;
  if (!small || conv->groups != 1 || conv->parts.size() != 1) return false;
  Conv2d stem = *conv;
  stem.preprocess = *preprocess;
  producer.op = stem;
  return true;
}

}  // namespace

Plan fuseStem(Plan plan) {
  return absorbSteps(std::move(plan), fusePreprocess);
}

}  // namespace facenet
