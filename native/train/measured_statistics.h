// Statistics of batch normalisation that are measured anew, with weights that stand still: the mean, over images, of those of
// chunks. Running statistics lag behind weights that are trained, and are no statistics of averaged weights at all.
#pragma once

#include "native/train/executor.h"

namespace facenet::train {

class MeasuredStatistics {
 public:
  // Norms whose statistics are frozen keep theirs.
  MeasuredStatistics(const TrainingPlan& plan, const Parameters& parameters);

  // Whether the network has norms to measure.
  bool possible() const { return !measured_.empty(); }
  // Whether some images were measured since the last `clear`.
  bool any() const { return images_ > 0; }
  void clear();

  // One chunk; the chunks' kernels know these values, whose statistics are overwritten. `rate`: as in training, above zero.
  void measure(ChunkExecutor& chunks, const TrainingBackend& backend, float* values, const void* images,
               int64_t count, float rate, const std::atomic<int32_t>* cancelled);

  // Replaces `values` of the parameter, the host's, where it was measured.
  void put(const Parameter& parameter, float* values) const;

 private:
  struct Measured {
    Parameter parameter;
    std::vector<double> sums;  // over images
  };
  std::vector<Measured> measured_;
  int64_t images_ = 0;
};

}  // namespace facenet::train
