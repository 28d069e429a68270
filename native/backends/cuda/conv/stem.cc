#include "cuda/conv2d/forward/stem.cuh"

#include "native/backends/cuda/conv/routes.h"
#include "native/backends/cuda/conv/weights.h"
#include "native/backends/cuda/stored_weights.h"

namespace facenet::cuda {
namespace {

int64_t channelsOf(const Conv2d& op, const StepContext& context) {
  return op.inChannels(context.input().shape.channels);
}

// fp32 rows of taps x channels into the order of a stem.
std::vector<char> rearranged(const PackedColumns& packed, const StemLayout& layout, const Window& window,
                             int64_t channels, DType dtype) {
  StoredWeights weights(layout.size(), dtype);
  const auto* rows = reinterpret_cast<const float*>(packed.weight.data());
  for (int64_t column = 0; column < packed.columns; ++column)
    for (int64_t tap = 0; tap < window.kernelHeight * window.kernelWidth; ++tap)
      for (int64_t c = 0; c < channels; ++c)
        weights.set(layout.index(column, tap / window.kernelWidth, tap % window.kernelWidth * channels + c),
                    rows[column * packed.rowTerms + tap * packed.tapTerms + c]);
  return weights.bytes();
}

class StemKernel final : public DeviceKernel {
 public:
  StemKernel(const Conv2d& op, const StepContext& context, const Device& device)
      : op_(op), dtype_(context.plan.options.dtype), multiprocessors_(device.multiprocessors) {
    const int64_t channels = channelsOf(op, context);
    PackedColumns packed = packConv(op, channels, DType::f32, context.weights, context.step.name);
    const StemLayout layout(op.window, channels, packed.columns, dtype_);
    packed.weight = rearranged(packed, layout, op.window, channels, dtype_);
    packed.dtype = dtype_;
    columns_ = std::make_unique<DeviceColumns>(packed);
  }

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    const ConvWeights weights = columns_->weights();
    StemCall call{.window = op_.window,
                  .x = inputs[0],
                  .preprocess = op_.preprocess,
                  .weight = weights.weight,
                  .weightType = dtype_,
                  .columns = weights.columns,
                  .bias = weights.bias,
                  .slope = weights.slope,
                  .to = {},
                  .residual = op_.residual ? inputs[1] : View{}};
    for (size_t p = 0; p < outputs.size(); ++p)
      call.to.push_back({outputs[p], columns_->firstColumn(p), op_.parts[p].activation.kind});
    stem(call, multiprocessors_, stream);
  }
  int64_t weightBytes() const override { return columns_->bytes(); }
  std::string describe() const override {
    return text("stem ", dtypeName(dtype_), op_.preprocess ? " of bytes" : "");
  }

 private:
  Conv2d op_;
  DType dtype_;
  int multiprocessors_;
  std::unique_ptr<DeviceColumns> columns_;
};

}  // namespace

bool isStem(const Conv2d& op, const StepContext& context, const Device& device) {
  const int64_t channels = channelsOf(op, context);
  return op.groups == 1 && channels <= kMostStemChannels && op.parts.size() <= kMostParts &&
         stemSharedBytes(op.window, channels, op.outChannels(), context.plan.options.dtype) <=
             device.sharedBytes;
}

std::unique_ptr<DeviceKernel> makeStem(const Conv2d& op, const StepContext& context, const Device& device) {
  return std::make_unique<StemKernel>(op, context, device);
}

}  // namespace facenet::cuda
