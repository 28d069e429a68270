#include "native/ops/window.h"

namespace facenet {

Window Window::read(const Attributes& attributes) {
  const auto kernel = attributes.integers("kernel", 1, 2);
  const auto stride = attributes.integers("stride", 1, 2);
  const auto padding = attributes.integers("padding", 0, 4);
  Window window{.kernelHeight = kernel[0],
                .kernelWidth = kernel[1],
                .strideHeight = stride[0],
                .strideWidth = stride[1],
                .padTop = padding[0],
                .padLeft = padding[1],
                .padBottom = padding[2],
                .padRight = padding[3]};
  if (attributes.has("dilation")) {
    const auto dilation = attributes.integers("dilation", 1, 2);
    window.dilationHeight = dilation[0];
    window.dilationWidth = dilation[1];
  }
  return window;
}

Shape Window::infer(const Inputs& inputs, int64_t channels) const {
  for (int64_t kernel : {kernelHeight, kernelWidth}) inputs.requireRange("a kernel", kernel, 1, kMaxExtent);
  for (int64_t stride : {strideHeight, strideWidth}) inputs.requireRange("a stride", stride, 1, kMaxExtent);
  for (int64_t dilation : {dilationHeight, dilationWidth})
    inputs.requireRange("a dilation", dilation, 1, kMaxExtent);
  for (int64_t pad : {padTop, padLeft, padBottom, padRight})
    inputs.requireRange("padding", pad, 0, kMaxExtent);
  const Shape& in = inputs[0];
  const Shape out = slidingShape(*this, in, channels);
  inputs.require(out.height >= 1 && out.width >= 1, "a kernel no larger than the padded input",
                 text(extentHeight(), "x", extentWidth(), " over ", in.height + padTop + padBottom, "x",
                      in.width + padLeft + padRight));
  return inputs.checked(out);
}

}  // namespace facenet
