#include "cuda/preprocess.cuh"

#include <algorithm>

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

// Whether nothing but this tensor lies in its buffer, so that what stands between its pixels is nobody's.
bool aloneInBuffer(const Plan& plan, const PlannedTensor& tensor) {
  return std::ranges::count(plan.tensors, tensor.buffer, &PlannedTensor::buffer) == 1;
}

class PreprocessKernel final : public DeviceKernel {
 public:
  PreprocessKernel(const Preprocess& op, const StepContext& context)
      : op_(op), image_(context.input().shape), ownsPadding_(aloneInBuffer(context.plan, context.output())) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override {
    preprocess(op_, inputs[0], outputs[0], ownsPadding_, scratch, stream);
  }
  int64_t scratchBytes(int64_t count) const override { return preprocessScratch(op_, count, image_); }
  std::string describe() const override {
    return op_.perImage ? "standardised, sums of whole numbers" : "tiles of 1024 pixels";
  }

 private:
  Preprocess op_;
  Shape image_;
  bool ownsPadding_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Preprocess& op, const StepContext& context) {
  return std::make_unique<PreprocessKernel>(op, context);
}

}  // namespace facenet::cuda
