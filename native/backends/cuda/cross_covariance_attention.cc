#include "cuda/cross_covariance_attention.cuh"

#include "native/backends/cuda/channel_parameter.h"

namespace facenet::cuda {
namespace {

constexpr const char* kDescription = "a block for each head, then a thread for each value";

class AttentionKernel final : public DeviceKernel {
 public:
  AttentionKernel(const CrossCovarianceAttention& op, const StepContext& context)
      : op_(op),
        shape_(context.input().shape),
        scale_(context.weights.read(op.scale, {op.heads}, context.step.name, /*allowScalar=*/true)) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override {
    attention(op_, {scale_.data(), false}, inputs[0], inputs[1], inputs[2], outputs[0], scratch, stream);
  }
  int64_t scratchBytes(int64_t count) const override { return attentionScratch(op_, count, shape_); }
  int64_t weightBytes() const override { return scale_.bytes(); }
  std::string describe() const override { return kDescription; }

 private:
  CrossCovarianceAttention op_;
  Shape shape_;
  ChannelValues scale_;
};

class AttentionTrainKernel final : public TrainKernel {
 public:
  AttentionTrainKernel(const CrossCovarianceAttention& op, const TrainContext& context)
      : op_(op), shape_(context.input().shape), scale_(context, op.scale) {}

  void forward(const Pass& pass) const override {
    attention(op_, scale(pass), pass.x[0], pass.x[1], pass.x[2], pass.y[0], pass.scratch, streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const auto to = [&](size_t input) {
      return AttentionGradient{gradients.dx[input], gradients.accumulate[input]};
    };
    attentionGradient(op_, scale(pass), pass.x[0], pass.x[1], pass.x[2], gradients.dy[0],
                      {to(0), to(1), to(2), scale_.in(gradients.parameters)}, pass.scratch, streamOf(pass));
  }
  int64_t scratchBytes(int64_t count) const override { return attentionGradientScratch(op_, count, shape_); }
  std::string describe() const override { return kDescription; }

 private:
  HeadScale scale(const Pass& pass) const { return {scale_.in(pass.parameters), scale_.one}; }

  CrossCovarianceAttention op_;
  Shape shape_;
  ChannelParameter scale_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const CrossCovarianceAttention& op, const StepContext& context,
                                         const Device&) {
  return std::make_unique<AttentionKernel>(op, context);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const CrossCovarianceAttention& op, const TrainContext& context,
                                             const Device&) {
  return std::make_unique<AttentionTrainKernel>(op, context);
}

}  // namespace facenet::cuda
