// Max, average and L2 pools.
#include <algorithm>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

void clear(const View& view) {
  for (int64_t p = 0; p < view.count * view.shape.pixels(); ++p)
    std::fill_n(view.as<float>() + p * view.pixelStride, view.shape.channels, 0.0f);
}

// Keeps one byte for each output value: the index of the largest in its window.
class PoolTraining final : public TrainKernel {
 public:
  PoolTraining(const Pool& op, const Shape& out) : op_(op), out_(out) {}

  void forward(const Pass& pass) const override {
    share(pass, pass.x[0].count, [&](int64_t n) {
      if (op_.kind == Pool::Kind::max)
        isa().maxPool(op_, image(pass.x[0], n), image(pass.y[0], n), winners(pass, n));
      else
        isa().pool(op_, image(pass.x[0], n), image(pass.y[0], n));
    });
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (!gradients.dx[0].data) return;
    share(pass, pass.x[0].count, [&](int64_t n) {
      const View dx = image(gradients.dx[0], n);
      if (!gradients.accumulate[0]) clear(dx);
      isa().poolGradient(op_, image(pass.x[0], n), image(pass.y[0], n), image(gradients.dy[0], n),
                         winners(pass, n), dx);
    });
  }
  int64_t savedBytes(int64_t count) const override {
    return op_.kind == Pool::Kind::max ? count * out_.elements() : 0;
  }
  std::string describe() const override { return isa().name; }

 private:
  uint8_t* winners(const Pass& pass, int64_t n) const {
    return op_.kind == Pool::Kind::max ? static_cast<uint8_t*>(pass.saved) + n * out_.elements() : nullptr;
  }

  Pool op_;
  Shape out_;
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Pool& op, const StepContext&) {
  return lambdaKernel([op = op](Views in, Views out, void*) { isa().pool(op, in[0], out[0]); }, 0,
                      Cut::channels);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Pool& op, const TrainContext& context) {
  if (op.kind == Pool::Kind::max && op.window.kernelHeight * op.window.kernelWidth > kMaxPooledPixels)
    throw invalidModel("the window of layer " + context.step.name,
                       text("at most ", kMaxPooledPixels, " pixels for training"),
                       text(op.window.kernelHeight, "x", op.window.kernelWidth));
  return std::make_unique<PoolTraining>(op, context.output().shape);
}

}  // namespace facenet::cpu
