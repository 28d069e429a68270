// Preprocess. Images have no gradient.
#include <algorithm>

#include "cuda/preprocess.cuh"
#include "native/backends/cuda/channel_parameter.h"
#include "native/backends/cuda/gradient_kernels.h"

namespace facenet::train::cuda {
namespace {

class PreprocessKernel final : public TrainKernel {
 public:
  explicit PreprocessKernel(const TrainContext& context)
      : op_(std::get<Preprocess>(context.step.op)),
        image_(context.input().shape),
        ownsPadding_(
            std::ranges::count(context.plan.tensors, context.output().buffer, &PlannedTensor::buffer) == 1) {}

  void forward(const Pass& pass) const override {
    facenet::cuda::preprocess(op_, pass.x[0], pass.y[0], ownsPadding_, pass.scratch, streamOf(pass));
  }
  void backward(const Pass&, const Gradients& gradients) const override {
    FACENET_ASSERT(!gradients.dx[0].data);
  }
  int64_t scratchBytes(int64_t count) const override {
    return facenet::cuda::preprocessScratch(op_, count, image_);
  }
  std::string describe() const override {
    return op_.perImage ? "standardised, sums of whole numbers" : "tiles of 1024 pixels";
  }

 private:
  Preprocess op_;
  Shape image_;
  bool ownsPadding_;  // what lies between the pixels of the result is nobody else's
};

}  // namespace

std::unique_ptr<TrainKernel> makePreprocess(const TrainContext& context, const Device&) {
  return std::make_unique<PreprocessKernel>(context);
}

}  // namespace facenet::train::cuda
