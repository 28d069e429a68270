// Pools, and local response normalisation.
#include "native/backends/cpu/gradient_kernels.h"
#include "native/backends/cpu/images.h"
#include "native/ops/backward.h"

namespace facenet::cpu {
namespace {

void clear(const View& view) {
  for (int64_t p = 0; p < view.count * view.shape.pixels(); ++p)
    std::fill_n(view.as<float>() + p * view.pixelStride, view.shape.channels, 0.0f);
}

// Keeps a byte an output value: the place of the largest in its window.
class PoolKernel final : public TrainKernel {
 public:
  PoolKernel(const Pool& op, const Shape& out) : op_(op), out_(out) {}

  void forward(const Pass& pass) const override {
    share(pass, pass.x[0].count, [&](int64_t n) {
      if (op_.kind == Pool::Kind::max)
        isa().maxPool(op_, image(pass.x[0], n), image(pass.y[0], n), places(pass, n));
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
                              places(pass, n), dx);
    });
  }
  int64_t savedBytes(int64_t count) const override {
    return op_.kind == Pool::Kind::max ? count * out_.elements() : 0;
  }
  std::string describe() const override { return isa().name; }

 private:
  uint8_t* places(const Pass& pass, int64_t n) const {
    return op_.kind == Pool::Kind::max ? static_cast<uint8_t*>(pass.saved) + n * out_.elements() : nullptr;
  }

  Pool op_;
  Shape out_;
};

struct LrnImages {
  Lrn op;
  int64_t channels;

  float* memory() const {
    const int64_t row = channels + 2 * op.size + 4 * isa().lanes;
    return static_cast<float*>(threadMemory(2 * row * static_cast<int64_t>(sizeof(float))));
  }
  void forward(const Images& i) const { isa().lrn(op, i.x[0], i.y[0], memory()); }
  void backward(const Images& i) const {
    isa().lrnGradient(op, i.x[0], i.dy[0], i.dx[0], i.accumulate(0), memory());
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makePool(const TrainContext& context) {
  const auto& op = std::get<Pool>(context.step.op);
  if (op.kind == Pool::Kind::max && op.window.kernelHeight * op.window.kernelWidth > mostPooledPixels)
    throw invalidModel("the window of layer " + context.step.name,
                       text("at most ", mostPooledPixels, " pixels for training"),
                       text(op.window.kernelHeight, "x", op.window.kernelWidth));
  return std::make_unique<PoolKernel>(op, context.output().shape);
}

std::unique_ptr<TrainKernel> makeLrn(const TrainContext& context) {
  return byImage(LrnImages{std::get<Lrn>(context.step.op), context.input().shape.channels});
}

}  // namespace facenet::cpu
