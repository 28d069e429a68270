#include "cuda/pool.cuh"

#include "cuda/pool_gradient.cuh"
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

class PoolKernel final : public DeviceKernel {
 public:
  explicit PoolKernel(const Pool& op) : op_(op) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    pool(op_, inputs[0], outputs[0], stream);
  }
  std::string describe() const override { return text(poolName(op_.kind), " pool"); }

 private:
  Pool op_;
};

// Of a max_pool it keeps one byte per output value: the place of the largest in its window.
class PoolTrainKernel final : public TrainKernel {
 public:
  PoolTrainKernel(const Pool& op, const Shape& out) : op_(op), out_(out) {}

  void forward(const Pass& pass) const override {
    if (op_.kind == Pool::Kind::max)
      maxPool(op_, pass.x[0], pass.y[0], static_cast<uint8_t*>(pass.saved), streamOf(pass));
    else
      pool(op_, pass.x[0], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (!gradients.dx[0].data) return;
    poolGradient(op_, {pass.x[0], pass.y[0], gradients.dy[0], static_cast<const uint8_t*>(pass.saved)},
                 gradients.dx[0], gradients.accumulate[0], streamOf(pass));
  }
  int64_t savedBytes(int64_t count) const override {
    return op_.kind == Pool::Kind::max ? argmaxBytes(count, out_) : 0;
  }
  std::string describe() const override { return text(poolName(op_.kind), " pool, gathered gradients"); }

 private:
  Pool op_;
  Shape out_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Pool& op, const StepContext&, const Device&) {
  return std::make_unique<PoolKernel>(op);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Pool& op, const TrainContext& context, const Device&) {
  if (op.kind == Pool::Kind::max && op.window.kernelHeight * op.window.kernelWidth > kMaxPooledPixels)
    throw invalidModel("the window of layer " + context.step.name,
                       text("at most ", kMaxPooledPixels, " pixels for training"),
                       text(op.window.kernelHeight, "x", op.window.kernelWidth));
  return std::make_unique<PoolTrainKernel>(op, context.output().shape);
}

}  // namespace facenet::cuda
