#include "cuda/preprocess.cuh"

#include <algorithm>

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

// What both directions know; images have no gradient.
struct Image {
  // Context: StepContext or TrainContext.
  template <class Context>
  Image(const Preprocess& op, const Context& context)
      : op(op),
        shape(context.input().shape),
        ownsPadding(
            std::ranges::count(context.plan.tensors, context.output().buffer, &PlannedTensor::buffer) == 1) {}

  void launch(const View& x, const View& y, void* scratch, cudaStream_t stream) const {
    preprocess(op, x, y, ownsPadding, scratch, stream);
  }
  int64_t scratchBytes(int64_t count) const { return preprocessScratch(op, count, shape); }
  std::string describe() const {
    return op.perImage ? "standardised, sums of whole numbers" : "tiles of 1024 pixels";
  }

  Preprocess op;
  Shape shape;
  bool
      ownsPadding;  // nothing but the result lies in its buffer, so that what is between its pixels is nobody's
};

class PreprocessKernel final : public DeviceKernel {
 public:
  explicit PreprocessKernel(const Image& image) : image_(image) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override {
    image_.launch(inputs[0], outputs[0], scratch, stream);
  }
  int64_t scratchBytes(int64_t count) const override { return image_.scratchBytes(count); }
  std::string describe() const override { return image_.describe(); }

 private:
  Image image_;
};

class PreprocessTrainKernel final : public TrainKernel {
 public:
  explicit PreprocessTrainKernel(const Image& image) : image_(image) {}

  void forward(const Pass& pass) const override {
    image_.launch(pass.x[0], pass.y[0], pass.scratch, streamOf(pass));
  }
  void backward(const Pass&, const Gradients& gradients) const override {
    FACENET_ASSERT(!gradients.dx[0].data);
  }
  int64_t scratchBytes(int64_t count) const override { return image_.scratchBytes(count); }
  std::string describe() const override { return image_.describe(); }

 private:
  Image image_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Preprocess& op, const StepContext& context, const Device&) {
  return std::make_unique<PreprocessKernel>(Image(op, context));
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Preprocess& op, const TrainContext& context,
                                             const Device&) {
  return std::make_unique<PreprocessTrainKernel>(Image(op, context));
}

}  // namespace facenet::cuda
