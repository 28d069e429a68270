// Parameters with one value per channel: scales and shifts of norms, slopes of a prelu.
#pragma once

#include "cuda/activation_gradient.cuh"
#include "cuda/channel_values.cuh"
#include "native/backends/cuda/channel_values.h"
#include "native/backends/cuda/kernels.h"
#include "native/core/integers.h"

namespace facenet::cuda {

// In training: where it lies in the vector of all parameters. It may be one value for all channels; without a name
// there is none.
struct ChannelParameter {
  ChannelParameter(const TrainContext& context, const std::string& name) {
    if (name.empty()) return;
    offset = context.parameters.at(name).offset;
    one = context.parameters.at(name).elements() == 1;
  }

  float* in(float* vector) const { return vector && offset >= 0 ? vector + offset : nullptr; }

  int64_t offset = -1;
  bool one = false;
};

// In inference: the slopes of a prelu on the device; nothing for other activations.
inline ChannelValues slopesOf(const Activation& activation, const StepContext& context) {
  if (activation.kind != Activation::Kind::prelu) return {};
  return ChannelValues(context.weights.read(activation.slope, {context.output().shape.channels},
                                            context.step.name, /*allowScalar=*/true));
}

// In training: the slopes of a prelu as kernels read them, one per channel. prepare() spreads one that stands for all.
class TrainSlopes {
 public:
  TrainSlopes(const TrainContext& context, const Activation& activation)
      : padded_(roundUp(context.output().shape.channels, kChannelPadding)),
        parameter_(context, activation.kind == Activation::Kind::prelu ? activation.slope : "") {}

  int64_t preparedBytes() const { return parameter_.one ? padded_ * static_cast<int64_t>(sizeof(float)) : 0; }
  void prepare(const Pass& pass) const {
    if (parameter_.one)
      broadcast(parameter_.in(pass.parameters), padded_, static_cast<float*>(pass.prepared), streamOf(pass));
  }
  const float* values(const Pass& pass) const {
    return parameter_.one ? static_cast<const float*>(pass.prepared) : parameter_.in(pass.parameters);
  }
  // The backward of the prelu from its input x.
  void backward(const Pass& pass, const Gradients& gradients, const View& x, const View& dx, bool accumulate,
                void* scratch) const {
    preluGradient(values(pass), x, gradients.dy[0], dx, accumulate, parameter_.in(gradients.parameters),
                  parameter_.one, scratch, streamOf(pass));
  }

 private:
  int64_t padded_;  // channels
  ChannelParameter parameter_;
};

}  // namespace facenet::cuda
