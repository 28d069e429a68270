// Activations that are a step of their own.
#include "cuda/activation_gradient.cuh"
#include "cuda/elementwise.cuh"
#include "native/backends/cuda/channel_parameter.h"

namespace facenet::cuda {
namespace {

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

class ActivationTrainKernel final : public TrainKernel {
 public:
  ActivationTrainKernel(const Activation& op, const TrainContext& context)
      : kind_(op.kind), shape_(context.input().shape), slopes_(context, op) {}

  int64_t preparedBytes() const override { return slopes_.preparedBytes(); }
  void prepare(const Pass& pass) const override { slopes_.prepare(pass); }

  void forward(const Pass& pass) const override {
    activation(kind_, slopes_.values(pass), pass.x[0], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dx = gradients.dx[0];
    if (kind_ == Activation::Kind::prelu)
      slopes_.backward(pass, gradients, pass.x[0], dx, gradients.accumulate[0], pass.scratch);
    else if (dx.data)
      activationGradient(kind_, pass.y[0], gradients.dy[0], 1, dx, gradients.accumulate[0], streamOf(pass));
  }
  int64_t scratchBytes(int64_t count) const override {
    return kind_ == Activation::Kind::prelu ? preluGradientScratch(count, shape_) : 0;
  }
  std::string describe() const override { return activationName(kind_); }

 private:
  Activation::Kind kind_;
  Shape shape_;
  TrainSlopes slopes_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Activation& op, const StepContext& context, const Device&) {
  return std::make_unique<ActivationKernel>(op, context);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Activation& op, const TrainContext& context,
                                             const Device&) {
  return std::make_unique<ActivationTrainKernel>(op, context);
}

}  // namespace facenet::cuda
