// The inputs that could not be written in place are copied, one after the other, and their gradients back.
#include "cuda/activation_gradient.cuh"
#include "cuda/elementwise.cuh"
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

// use(i, the channels of `whole` that are part i's)
template <class Use>
void eachSlice(const View& whole, const std::vector<View>& parts, Use use) {
  View slice = whole;
  for (size_t i = 0; i < parts.size(); ++i) {
    slice.shape.channels = parts[i].shape.channels;
    use(i, slice);
    slice.data = slice.as<char>() + slice.shape.channels * static_cast<int64_t>(byteSize(slice.dtype));
  }
}

void copyAll(const std::vector<View>& parts, const View& whole, cudaStream_t stream) {
  eachSlice(whole, parts, [&](size_t i, const View& slice) { copyChannels(parts[i], slice, stream); });
}

class ConcatKernel final : public DeviceKernel {
 public:
  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    copyAll(inputs, outputs[0], stream);
  }
  std::string describe() const override { return "copy"; }
};

class ConcatTrainKernel final : public TrainKernel {
 public:
  void forward(const Pass& pass) const override { copyAll(pass.x, pass.y[0], streamOf(pass)); }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    eachSlice(gradients.dy[0], pass.x, [&](size_t i, const View& slice) {
      if (gradients.dx[i].data)
        activationGradient(Activation::Kind::none, slice, slice, 1, gradients.dx[i], gradients.accumulate[i],
                           streamOf(pass));
    });
  }
  std::string describe() const override { return "copy"; }
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Concat&, const StepContext&, const Device&) {
  return std::make_unique<ConcatKernel>();
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Concat&, const TrainContext&, const Device&) {
  return std::make_unique<ConcatTrainKernel>();
}

}  // namespace facenet::cuda
