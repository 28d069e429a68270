#include "cuda/extremum.cuh"

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

class ExtremumKernel final : public DeviceKernel {
 public:
  explicit ExtremumKernel(const Extremum& op) : op_(op) {}
  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    extremum(op_, inputs[0], inputs[1], outputs[0], stream);
  }
  std::string describe() const override { return op_.name(); }

 private:
  Extremum op_;
};

class ExtremumTrainKernel final : public TrainKernel {
 public:
  explicit ExtremumTrainKernel(const Extremum& op) : op_(op) {}
  void forward(const Pass& pass) const override {
    extremum(op_, pass.x[0], pass.x[1], pass.y[0], streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    for (const size_t own : {0u, 1u})
      if (gradients.dx[own].data)
        extremumGradient(op_, pass.x[own], pass.x[1 - own], own == 0, gradients.dy[0], gradients.dx[own],
                         gradients.accumulate[own], streamOf(pass));
  }
  std::string describe() const override { return op_.name(); }

 private:
  Extremum op_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Extremum& op, const StepContext&, const Device&) {
  return std::make_unique<ExtremumKernel>(op);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Extremum& op, const TrainContext&, const Device&) {
  return std::make_unique<ExtremumTrainKernel>(op);
}

}  // namespace facenet::cuda
