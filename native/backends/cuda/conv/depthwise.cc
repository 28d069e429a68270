#include "cuda/conv2d/forward/depthwise.cuh"

#include "native/backends/cuda/channel_values.h"
#include "native/backends/cuda/conv/routes.h"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/backends/cuda/stored_weights.h"

namespace facenet::cuda {
namespace {

// Weights are rounded to the plan's type like those of all convolutions, and stored in that of x, which is fp32 where
// x is what the caller holds.
std::vector<char> packTaps(const Conv2d& op, const std::vector<float>& weight, int64_t columns, DType plan,
                           DType x) {
  const int64_t taps = op.window.kernelHeight * op.window.kernelWidth;
  StoredWeights packed(taps * columns, x);
  for (int64_t o = 0; o < op.outChannels(); ++o)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed.set(tap * columns + o, roundedTo(plan, weight[static_cast<size_t>(o * taps + tap)]));
  return packed.bytes();
}

class DepthwiseKernel final : public DeviceKernel {
 public:
  DepthwiseKernel(const Conv2d& op, const StepContext& context)
      : op_(op),
        columns_((op.outChannels() + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment),
        weight_(op.window.kernelHeight * op.window.kernelWidth * columns_ *
                static_cast<int64_t>(byteSize(context.input().dtype))) {
    const ConvPart& part = op.parts.front();
    const FoldedWeights folded = foldConvPart(part, 1, op.window, context.weights, context.step.name);
    weight_.copyFrom(
        packTaps(op, folded.weight, columns_, context.plan.options.dtype, context.input().dtype).data());
    bias_ = ChannelValues(folded.bias);
    if (part.activation.kind == Activation::Kind::prelu)
      slope_ = ChannelValues(context.weights.read(part.activation.slope, {part.outChannels},
                                                  context.step.name, /*allowScalar=*/true));
    const PlannedTensor &in = context.input(), &out = context.output();
    description_ = describeDepthwise(op.window, {nullptr, in.dtype, 1, in.shape, in.pixelStride},
                                     {nullptr, out.dtype, 1, out.shape, out.pixelStride});
  }

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    depthwise({.window = op_.window,
               .x = inputs[0],
               .weight = weight_.data(),
               .bias = bias_.data(),
               .slope = slope_.data(),
               .columns = columns_,
               .activation = op_.parts.front().activation.kind,
               .y = outputs[0],
               .residual = op_.residual ? inputs[1] : View{}},
              stream);
  }
  int64_t weightBytes() const override {
    return static_cast<int64_t>(weight_.bytes()) + bias_.bytes() + slope_.bytes();
  }
  std::string describe() const override { return description_; }

 private:
  Conv2d op_;
  int64_t columns_;
  DeviceBuffer<char> weight_;
  ChannelValues bias_, slope_;
  std::string description_;
};

}  // namespace

bool isDepthwise(const Conv2d& op, const StepContext& context) {
  return op.groups > 1 && op.groups == context.input().shape.channels && op.parts.size() == 1;
}

std::unique_ptr<DeviceKernel> makeDepthwise(const Conv2d& op, const StepContext& context) {
  return std::make_unique<DepthwiseKernel>(op, context);
}

}  // namespace facenet::cuda
