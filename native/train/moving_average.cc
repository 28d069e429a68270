#include "native/train/moving_average.h"

#include <algorithm>

namespace facenet::train {
namespace {

std::vector<TrainedWeight> everything(const Parameters& parameters) {
  std::vector<TrainedWeight> result;
  for (const Parameter& parameter : parameters.list)
    result.push_back({.offset = parameter.offset, .count = parameter.elements(), .decay = 1});
  return result;
}

}  // namespace

// Plain gradient descent on |average - values|^2 / 2 is this average: a weight decay of 1 adds the average itself to a
// gradient of -values, and the learning rate is 1 - d.
MovingAverage::MovingAverage(TrainingBackend& backend, const Parameters& parameters, const float* values,
                             double decay)
    : decay_(decay),
      bytes_(parameters.elements * static_cast<int64_t>(sizeof(float))),
      memory_(backend.allocate(bytes_)),
      pass_(backend.makeOptimizer({.kind = Optimizer::Kind::sgd}, everything(parameters),
                                  parameters.elements)) {
  backend.copy(memory_.get(), values, bytes_);
}

void MovingAverage::follow(const float* values, int64_t updates) {
  const auto t = static_cast<double>(updates);
  pass_->update(this->values(), values, 1 - std::min(decay_, (1 + t) / (10 + t)), -1, updates);
}

}  // namespace facenet::train
