// The ops that make each value from the values at its place: activations, norms, add and concat.
#include "cuda/elementwise.cuh"

#include "cuda/add.cuh"
#include "native/backends/cuda/channel_values.h"
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

// The slopes of a prelu, one a channel; nothing for other activations.
ChannelValues slopesOf(const Activation& activation, const StepContext& context) {
  if (activation.kind != Activation::Kind::prelu) return {};
  return ChannelValues(context.weights.read(activation.slope, {context.output().shape.channels},
                                            context.step.name, /*allowScalar=*/true));
}

class ActivationKernel final : public DeviceKernel {
 public:
  ActivationKernel(const Activation& op, const StepContext& context)
      : kind_(op.kind), slopes_(slopesOf(op, context)) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    activation(kind_, slopes_.data(), inputs[0], outputs[0], stream);
  }
  int64_t weightBytes() const override { return slopes_.bytes(); }
  std::string describe() const override { return activationName(kind_); }

 private:
  Activation::Kind kind_;
  ChannelValues slopes_;
};

class NormKernel final : public DeviceKernel {
 public:
  NormKernel(const Norm& op, const StepContext& context) {
    const int64_t channels = context.input().shape.channels;
    ScaleShift folded = foldNorm(op, channels, context.weights, context.step.name);
    scale_ = ChannelValues(std::move(folded.scale));
    shift_ = ChannelValues(std::move(folded.shift));
  }

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    scaleShift(scale_.data(), shift_.data(), inputs[0], outputs[0], stream);
  }
  int64_t weightBytes() const override { return scale_.bytes() + shift_.bytes(); }
  std::string describe() const override { return "scale and shift"; }

 private:
  ChannelValues scale_, shift_;
};

class AddKernel final : public DeviceKernel {
 public:
  AddKernel(const Add& op, const StepContext& context) : op_(op), slopes_(slopesOf(op.activation, context)) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    add(op_, slopes_.data(), inputs[0], inputs[1], outputs[0], stream);
  }
  int64_t weightBytes() const override { return slopes_.bytes(); }
  std::string describe() const override {
    return op_.activation ? text("sum, ", activationName(op_.activation.kind)) : "sum";
  }

 private:
  Add op_;
  ChannelValues slopes_;
};

// Copies the inputs that could not be written in place, one after the other.
class ConcatKernel final : public DeviceKernel {
 public:
  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    View slice = outputs[0];
    for (const View& input : inputs) {
      slice.shape.channels = input.shape.channels;
      copyChannels(input, slice, stream);
      slice.data = slice.as<char>() + input.shape.channels * static_cast<int64_t>(byteSize(slice.dtype));
    }
  }
  std::string describe() const override { return "copy"; }
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Norm& op, const StepContext& context) {
  return std::make_unique<NormKernel>(op, context);
}
std::unique_ptr<DeviceKernel> makeKernel(const Activation& op, const StepContext& context) {
  return std::make_unique<ActivationKernel>(op, context);
}
std::unique_ptr<DeviceKernel> makeKernel(const Concat&, const StepContext&) {
  return std::make_unique<ConcatKernel>();
}
std::unique_ptr<DeviceKernel> makeKernel(const Add& op, const StepContext& context) {
  return std::make_unique<AddKernel>(op, context);
}

}  // namespace facenet::cuda
