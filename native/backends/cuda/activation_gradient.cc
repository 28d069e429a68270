// Activations that are a step of their own, and add.
#include "cuda/activation_gradient.cuh"

#include "cuda/add.cuh"
#include "cuda/channel_values.cuh"
#include "cuda/common/channel_padding.h"
#include "cuda/elementwise.cuh"
#include "native/backends/cuda/channel_parameter.h"
#include "native/backends/cuda/gradient_kernels.h"

namespace facenet::train::cuda {
namespace {

using Kind = Activation::Kind;
using facenet::cuda::kChannelPadding;

int64_t padded(int64_t channels) {
  return (channels + kChannelPadding - 1) / kChannelPadding * kChannelPadding;
}

// The slopes of a prelu as kernels read them: a value a channel. One that stands for all is prepared so.
class Slopes {
 public:
  Slopes(const TrainContext& context, const Activation& activation)
      : channels_(context.output().shape.channels),
        parameter_(context, activation.kind == Kind::prelu ? activation.slope : "") {}

  int64_t preparedBytes() const {
    return parameter_.one ? padded(channels_) * static_cast<int64_t>(sizeof(float)) : 0;
  }
  void prepare(const Pass& pass) const {
    if (parameter_.one)
      facenet::cuda::spread(parameter_.in(pass.parameters), padded(channels_),
                            static_cast<float*>(pass.prepared), streamOf(pass));
  }
  const float* values(const Pass& pass) const {
    return parameter_.one ? static_cast<const float*>(pass.prepared) : parameter_.in(pass.parameters);
  }
  // The backward of the prelu from its input x.
  void backward(const Pass& pass, const Gradients& gradients, const View& x, const View& dx, bool accumulate,
                void* scratch) const {
    facenet::cuda::preluGradient(values(pass), x, gradients.dy[0], dx, accumulate,
                                 parameter_.in(gradients.parameters), parameter_.one, scratch,
                                 streamOf(pass));
  }

 private:
  int64_t channels_;
  ChannelParameter parameter_;
};

class ActivationKernel final : public TrainKernel {
 public:
  explicit ActivationKernel(const TrainContext& context)
      : op_(std::get<Activation>(context.step.op)), shape_(context.input().shape), slopes_(context, op_) {}

  int64_t preparedBytes() const override { return slopes_.preparedBytes(); }
  void prepare(const Pass& pass) const override { slopes_.prepare(pass); }

  void forward(const Pass& pass) const override {
    facenet::cuda::activation(op_.kind, slopes_.values(pass), pass.x[0], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (op_.kind == Kind::prelu) {
      slopes_.backward(pass, gradients, pass.x[0], gradients.dx[0], gradients.accumulate[0], pass.scratch);
    } else if (gradients.dx[0].data) {
      facenet::cuda::activationGradient(op_.kind, pass.y[0], gradients.dy[0], 1, gradients.dx[0],
                                        gradients.accumulate[0], streamOf(pass));
    }
  }
  int64_t scratchBytes(int64_t count) const override {
    return op_.kind == Kind::prelu ? facenet::cuda::preluGradientScratch(count, shape_) : 0;
  }
  std::string describe() const override { return activationName(op_.kind); }

 private:
  Activation op_;
  Shape shape_;
  Slopes slopes_;
};

// The addends get dy after the activation; each reads it for itself. A prelu needs the sum, which is made
// again in scratch.
class AddKernel final : public TrainKernel {
 public:
  explicit AddKernel(const TrainContext& context)
      : op_(std::get<Add>(context.step.op)),
        shape_(context.output().shape),
        slopes_(context, op_.activation) {}

  int64_t preparedBytes() const override { return slopes_.preparedBytes(); }
  void prepare(const Pass& pass) const override { slopes_.prepare(pass); }

  void forward(const Pass& pass) const override {
    facenet::cuda::add(op_, slopes_.values(pass), pass.x[0], pass.x[1], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    Kind kind = op_.activation.kind;
    if (kind == Kind::prelu) {
      const View sum{pass.scratch, DType::f32, pass.y[0].count, shape_, padded(shape_.channels)};
      facenet::cuda::add({op_.factor, {}}, nullptr, pass.x[0], pass.x[1], sum, streamOf(pass));
      slopes_.backward(pass, gradients, sum, gradients.dy[0], false,
                       static_cast<char*>(pass.scratch) + sumBytes(sum.count));
      kind = Kind::none;
    }
    for (size_t i = 0; i < 2; ++i)
      if (gradients.dx[i].data)
        facenet::cuda::activationGradient(kind, pass.y[0], gradients.dy[0], i == 0 ? 1 : op_.factor,
                                          gradients.dx[i], gradients.accumulate[i], streamOf(pass));
  }
  int64_t scratchBytes(int64_t count) const override {
    if (op_.activation.kind != Kind::prelu) return 0;
    return sumBytes(count) + facenet::cuda::preluGradientScratch(count, shape_);
  }
  std::string describe() const override {
    return op_.activation ? text("sum, ", activationName(op_.activation.kind)) : "sum";
  }

 private:
  int64_t sumBytes(int64_t count) const {
    return count * shape_.pixels() * padded(shape_.channels) * static_cast<int64_t>(sizeof(float));
  }

  Add op_;
  Shape shape_;
  Slopes slopes_;
};

}  // namespace

std::unique_ptr<TrainKernel> makeActivation(const TrainContext& context, const Device&) {
  return std::make_unique<ActivationKernel>(context);
}
std::unique_ptr<TrainKernel> makeAdd(const TrainContext& context, const Device&) {
  return std::make_unique<AddKernel>(context);
}

}  // namespace facenet::train::cuda
