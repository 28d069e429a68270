// Pools.
#include "cuda/pool_gradient.cuh"

#include "cuda/pool.cuh"
#include "native/backends/cuda/channel_parameter.h"
#include "native/backends/cuda/gradient_kernels.h"
#include "native/ops/backward.h"

namespace facenet::train::cuda {
namespace {

// Keeps a byte an output value of a max_pool: the place of the largest in its window.
class PoolKernel final : public TrainKernel {
 public:
  PoolKernel(const Pool& op, const Shape& out) : op_(op), out_(out) {}

  void forward(const Pass& pass) const override {
    if (op_.kind == Pool::Kind::max)
      facenet::cuda::maxPool(op_, pass.x[0], pass.y[0], static_cast<uint8_t*>(pass.saved), streamOf(pass));
    else
      facenet::cuda::pool(op_, pass.x[0], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (!gradients.dx[0].data) return;
    facenet::cuda::poolGradient(
        op_, {pass.x[0], pass.y[0], gradients.dy[0], static_cast<const uint8_t*>(pass.saved)},
        gradients.dx[0], gradients.accumulate[0], streamOf(pass));
  }
  int64_t savedBytes(int64_t count) const override {
    return op_.kind == Pool::Kind::max ? facenet::cuda::placesBytes(count, out_) : 0;
  }
  std::string describe() const override { return text(poolName(op_.kind), " pool, gathered gradients"); }

 private:
  Pool op_;
  Shape out_;
};

}  // namespace

std::unique_ptr<TrainKernel> makePool(const TrainContext& context, const Device&) {
  const auto& op = std::get<Pool>(context.step.op);
  if (op.kind == Pool::Kind::max && op.window.kernelHeight * op.window.kernelWidth > mostPooledPixels)
    throw invalidModel("the window of layer " + context.step.name,
                       text("at most ", mostPooledPixels, " pixels for training"),
                       text(op.window.kernelHeight, "x", op.window.kernelWidth));
  return std::make_unique<PoolKernel>(op, context.output().shape);
}

}  // namespace facenet::train::cuda
