#include "cuda/add.cuh"

#include "cuda/activation_gradient.cuh"
#include "native/backends/cuda/channel_parameter.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

std::string description(const Add& op) {
  return op.activation ? text("sum, ", activationName(op.activation.kind)) : "sum";
}

class AddKernel final : public DeviceKernel {
 public:
  AddKernel(const Add& op, const StepContext& context) : op_(op), slopes_(slopesOf(op.activation, context)) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    add(op_, slopes_.data(), inputs[0], inputs[1], outputs[0], stream);
  }
  int64_t weightBytes() const override { return slopes_.bytes(); }
  std::string describe() const override { return description(op_); }

 private:
  Add op_;
  ChannelValues slopes_;
};

// The addends get dy after the activation; each reads it for itself. A prelu needs the sum, which is made again in
// scratch.
class AddTrainKernel final : public TrainKernel {
 public:
  AddTrainKernel(const Add& op, const TrainContext& context)
      : op_(op), shape_(context.output().shape), slopes_(context, op.activation) {}

  int64_t preparedBytes() const override { return slopes_.preparedBytes(); }
  void prepare(const Pass& pass) const override { slopes_.prepare(pass); }

  void forward(const Pass& pass) const override {
    add(op_, slopes_.values(pass), pass.x[0], pass.x[1], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    Activation::Kind kind = op_.activation.kind;
    if (kind == Activation::Kind::prelu) {
      const View sum = sumOf(pass.y[0].count, pass.scratch);
      add({op_.factor, {}}, nullptr, pass.x[0], pass.x[1], sum, streamOf(pass));
      slopes_.backward(pass, gradients, sum, gradients.dy[0], false,
                       static_cast<char*>(pass.scratch) + sumBytes(sum.count));
      kind = Activation::Kind::none;
    }
    for (size_t i = 0; i < 2; ++i)
      if (gradients.dx[i].data)
        activationGradient(kind, pass.y[0], gradients.dy[0], i == 0 ? 1 : op_.factor, gradients.dx[i],
                           gradients.accumulate[i], streamOf(pass));
  }
  int64_t scratchBytes(int64_t count) const override {
    if (op_.activation.kind != Activation::Kind::prelu) return 0;
    return sumBytes(count) + preluGradientScratch(count, shape_);
  }
  std::string describe() const override { return description(op_); }

 private:
  View sumOf(int64_t count, void* data) const {
    return {data, DType::f32, count, shape_, roundUp(shape_.channels, kChannelPadding)};
  }
  int64_t sumBytes(int64_t count) const {
    return count * sumOf(count, nullptr).imageStride() * static_cast<int64_t>(sizeof(float));
  }

  Add op_;
  Shape shape_;
  TrainSlopes slopes_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Add& op, const StepContext& context, const Device&) {
  return std::make_unique<AddKernel>(op, context);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Add& op, const TrainContext& context, const Device&) {
  return std::make_unique<AddTrainKernel>(op, context);
}

}  // namespace facenet::cuda
