// The ops that need nothing but their parameters: lrn, maxout, zero_pad, upsample, l2_normalize.
#include "cuda/l2_normalize.cuh"
#include "cuda/lrn.cuh"
#include "cuda/maxout.cuh"
#include "cuda/move.cuh"
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

void launchOp(const Lrn& op, const View& x, const View& y, cudaStream_t stream) {
  lrn(op, x, y, stream);
}
void launchOp(const Maxout& op, const View& x, const View& y, cudaStream_t stream) {
  maxout(op, x, y, stream);
}
void launchOp(const ZeroPad& op, const View& x, const View& y, cudaStream_t stream) {
  zeroPad(op, x, y, stream);
}
void launchOp(const Upsample& op, const View& x, const View& y, cudaStream_t stream) {
  upsample(op, x, y, stream);
}
void launchOp(const L2Normalize& op, const View& x, const View& y, cudaStream_t stream) {
  l2Normalize(op.epsilon, x, y, stream);
}

template <class SomeOp>
class SimpleKernel final : public DeviceKernel {
 public:
  SimpleKernel(const SomeOp& op, std::string description) : op_(op), description_(std::move(description)) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    launchOp(op_, inputs[0], outputs[0], stream);
  }
  std::string describe() const override { return description_; }

 private:
  SomeOp op_;
  std::string description_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Lrn& op, const StepContext&) {
  return std::make_unique<SimpleKernel<Lrn>>(op, describeLrn(op));
}
std::unique_ptr<DeviceKernel> makeKernel(const Maxout& op, const StepContext&) {
  return std::make_unique<SimpleKernel<Maxout>>(op, text("maximum of ", op.pieces));
}
std::unique_ptr<DeviceKernel> makeKernel(const ZeroPad& op, const StepContext&) {
  return std::make_unique<SimpleKernel<ZeroPad>>(op, "copy");
}
std::unique_ptr<DeviceKernel> makeKernel(const Upsample& op, const StepContext&) {
  return std::make_unique<SimpleKernel<Upsample>>(op, "copy");
}
std::unique_ptr<DeviceKernel> makeKernel(const L2Normalize& op, const StepContext&) {
  return std::make_unique<SimpleKernel<L2Normalize>>(op, "rows in registers");
}

}  // namespace facenet::cuda
