// batch_norm and affine.
#include "cuda/batch_norm.cuh"
#include "cuda/elementwise.cuh"
#include "native/backends/cuda/channel_parameter.h"

namespace facenet::cuda {
namespace {

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

class NormTrainKernel final : public TrainKernel {
 public:
  NormTrainKernel(const Norm& op, const TrainContext& context)
      : op_(op),
        shape_(context.input().shape),
        scale_(context, op_.scale),
        shift_(context, op_.shift),
        mean_(context, op_.mean),
        variance_(context, op_.variance) {}

  void forward(const Pass& pass) const override {
    normForward(callOf(pass), pass.x[0], pass.y[0], pass.statisticsRate, streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    normBackward(callOf(pass), pass.x[0], gradients.dy[0], gradients.dx[0], gradients.accumulate[0],
                 scale_.in(gradients.parameters), shift_.in(gradients.parameters), streamOf(pass));
  }
  int64_t savedBytes(int64_t) const override { return normSavedBytes(shape_.channels); }
  int64_t scratchBytes(int64_t count) const override { return normScratchBytes(count, shape_); }
  std::string describe() const override {
    return op_.batch() ? "statistics of the batch in pieces, scale and shift" : "scale and shift";
  }

 private:
  NormCall callOf(const Pass& pass) const {
    const auto given = [&](const ChannelParameter& parameter) {
      return NormParameter{parameter.in(pass.parameters), parameter.one};
    };
    return {.scale = given(scale_),
            .shift = given(shift_),
            .mean = given(mean_),
            .variance = given(variance_),
            .epsilon = op_.epsilon,
            .batch = op_.batch() && !pass.runningStatistics,
            .saved = pass.saved,
            .scratch = pass.scratch};
  }

  Norm op_;
  Shape shape_;
  ChannelParameter scale_, shift_, mean_, variance_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Norm& op, const StepContext& context, const Device&) {
  return std::make_unique<NormKernel>(op, context);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Norm& op, const TrainContext& context, const Device&) {
  return std::make_unique<NormTrainKernel>(op, context);
}

}  // namespace facenet::cuda
