// What training kernels find of a pass: its stream, and where parameters lie in the vector of all of them.
#pragma once

#include <cuda_runtime_api.h>

#include "native/backends/training_kernel.h"

namespace facenet::train::cuda {

inline cudaStream_t streamOf(const Pass& pass) {
  return static_cast<cudaStream_t>(pass.stream);
}

// A parameter of a value a channel, or of one that stands for all; without a name there is none.
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

}  // namespace facenet::train::cuda
