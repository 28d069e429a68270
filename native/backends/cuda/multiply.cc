#include "cuda/multiply.cuh"

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

class MultiplyKernel final : public DeviceKernel {
 public:
  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    multiply(inputs[0], inputs[1], outputs[0], false, stream);
  }
  std::string describe() const override { return "product"; }
};

class MultiplyTrainKernel final : public TrainKernel {
 public:
  void forward(const Pass& pass) const override {
    multiply(pass.x[0], pass.x[1], pass.y[0], false, streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View &a = pass.x[0], &b = pass.x[1], &dy = gradients.dy[0];
    const View &da = gradients.dx[0], &db = gradients.dx[1];
    if (da.data) multiply(dy, b, da, gradients.accumulate[0], streamOf(pass));
    if (db.data && b.shape == a.shape) multiply(dy, a, db, gradients.accumulate[1], streamOf(pass));
    if (db.data && b.shape != a.shape) multiplySums(a, dy, db, gradients.accumulate[1], streamOf(pass));
  }
  std::string describe() const override { return "product"; }
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Multiply&, const StepContext&, const Device&) {
  return std::make_unique<MultiplyKernel>();
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Multiply&, const TrainContext&, const Device&) {
  return std::make_unique<MultiplyTrainKernel>();
}

}  // namespace facenet::cuda
