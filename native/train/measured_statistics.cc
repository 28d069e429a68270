#include "native/train/measured_statistics.h"

#include <algorithm>

#include "native/train/parameters.h"

namespace facenet::train {

MeasuredStatistics::MeasuredStatistics(const TrainingPlan& plan, const Parameters& parameters) {
  for (size_t i = 0; i < plan.forward.steps.size(); ++i) {
    const Step& step = plan.forward.steps[i];
    const auto* norm = std::get_if<Norm>(&step.op);
    if (!norm || !norm->batch() || plan.runningStatistics[i]) continue;
    for (const OpTensor& tensor : tensorsOf(plan.forward, step))
      if (isStatistic(tensor.role)) measured_.push_back({parameters.at(tensor.name), {}});
  }
  clear();
}

void MeasuredStatistics::clear() {
  images_ = 0;
  for (Measured& m : measured_) m.sums.assign(static_cast<size_t>(m.parameter.elements()), 0);
}

// From statistics of zero a chunk moves them to rate times its own.
void MeasuredStatistics::measure(ChunkExecutor& chunks, const TrainingBackend& backend, float* values,
                                 const void* images, int64_t count, float rate,
                                 const std::atomic<int32_t>* cancelled) {
  const auto bytesOf = [](const Measured& m) {
    return m.parameter.elements() * static_cast<int64_t>(sizeof(float));
  };
  for (const Measured& m : measured_) backend.zero(values + m.parameter.offset, bytesOf(m));
  chunks.forward(images, count, values, rate, cancelled);
  std::vector<float> moved;
  for (Measured& m : measured_) {
    moved.resize(m.sums.size());
    backend.download(moved.data(), values + m.parameter.offset, bytesOf(m));
    for (size_t i = 0; i < moved.size(); ++i)
      m.sums[i] += static_cast<double>(count) * (static_cast<double>(moved[i]) / rate);
  }
  images_ += count;
}

void MeasuredStatistics::put(const Parameter& parameter, float* values) const {
  const auto found = std::ranges::find(
      measured_, parameter.name, [](const Measured& m) -> const std::string& { return m.parameter.name; });
  if (!any() || found == measured_.end()) return;
  for (size_t i = 0; i < found->sums.size(); ++i)
    values[i] = static_cast<float>(found->sums[i] / static_cast<double>(images_));
}

}  // namespace facenet::train
