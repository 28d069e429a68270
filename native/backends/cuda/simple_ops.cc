// The kernels of all ops of cuda/simple_ops.cuh.
#include "cuda/simple_ops.cuh"

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

template <class SomeOp>
class SimpleKernel final : public DeviceKernel {
 public:
  explicit SimpleKernel(const SomeOp& op) : op_(op) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    cuda::forward(op_, inputs[0], outputs[0], stream);
  }
  std::string describe() const override { return cuda::describe(op_); }

 private:
  SomeOp op_;
};

template <class SomeOp>
class SimpleTrainKernel final : public TrainKernel {
 public:
  explicit SimpleTrainKernel(const SomeOp& op) : op_(op) {}

  void forward(const Pass& pass) const override { cuda::forward(op_, pass.x[0], pass.y[0], streamOf(pass)); }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (gradients.dx[0].data)
      cuda::backward(op_, pass.x[0], gradients.dy[0], gradients.dx[0], gradients.accumulate[0],
                     streamOf(pass));
  }
  std::string describe() const override { return cuda::describe(op_); }

 private:
  SomeOp op_;
};

}  // namespace

// clang-format off
#define FACENET_DEFINE_MAKERS(SomeOp) \
  std::unique_ptr<DeviceKernel> makeKernel(const SomeOp& op, const StepContext&, const Device&) { \
    return std::make_unique<SimpleKernel<SomeOp>>(op); \
  } \
  std::unique_ptr<TrainKernel> makeTrainKernel(const SomeOp& op, const TrainContext&, const Device&) { \
    return std::make_unique<SimpleTrainKernel<SomeOp>>(op); \
  }
FACENET_SIMPLE_OPS(FACENET_DEFINE_MAKERS)
#undef FACENET_DEFINE_MAKERS
// clang-format on

}  // namespace facenet::cuda
