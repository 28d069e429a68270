// batch_norm and affine.
#include "cuda/batch_norm.cuh"
#include "native/backends/cuda/channel_parameter.h"
#include "native/backends/cuda/gradient_kernels.h"

namespace facenet::train::cuda {
namespace {

class NormKernel final : public TrainKernel {
 public:
  explicit NormKernel(const TrainContext& context)
      : op_(std::get<Norm>(context.step.op)),
        shape_(context.input().shape),
        scale_(context, op_.scale),
        shift_(context, op_.shift),
        mean_(context, op_.mean),
        variance_(context, op_.variance) {}

  void forward(const Pass& pass) const override {
    facenet::cuda::normForward(callOf(pass), pass.x[0], pass.y[0], pass.statisticsRate, streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    facenet::cuda::normBackward(callOf(pass), pass.x[0], gradients.dy[0], gradients.dx[0],
                                gradients.accumulate[0], scale_.in(gradients.parameters),
                                shift_.in(gradients.parameters), streamOf(pass));
  }
  int64_t savedBytes(int64_t) const override { return facenet::cuda::normSavedBytes(shape_.channels); }
  int64_t scratchBytes(int64_t count) const override {
    return facenet::cuda::normScratchBytes(count, shape_);
  }
  std::string describe() const override {
    return op_.batch() ? "statistics of the batch in pieces, scale and shift" : "scale and shift";
  }

 private:
  facenet::cuda::NormCall callOf(const Pass& pass) const {
    const auto given = [&](const ChannelParameter& parameter) {
      return facenet::cuda::NormParameter{parameter.in(pass.parameters), parameter.one};
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

std::unique_ptr<TrainKernel> makeNorm(const TrainContext& context, const Device&) {
  return std::make_unique<NormKernel>(context);
}

}  // namespace facenet::train::cuda
