// Parameters of ops that have one for each channel, and their gradients: sums over an image are one item of work;
// images are added in their order in fp64.
#pragma once

#include <functional>

#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

// A parameter with a value for each channel, or one for all; without a name, a constant.
struct ChannelParameter {
  ChannelParameter(const TrainContext& context, const std::string& name, float absent) : absent(absent) {
    if (name.empty()) return;
    offset = context.parameters.at(name).offset;
    elements = context.parameters.at(name).elements();
  }

  float value(const Pass& pass, int64_t channel) const {
    return offset < 0 ? absent : pass.parameters[offset + (elements == 1 ? 0 : channel)];
  }
  void add(const Gradients& gradients, const std::vector<double>& sums) const {
    if (offset < 0 || !gradients.parameters) return;
    float* to = gradients.parameters + offset;
    if (elements == 1) {
      double total = 0;
      for (double sum : sums) total += sum;
      *to = static_cast<float>(*to + total);
      return;
    }
    for (size_t c = 0; c < sums.size(); ++c) to[c] = static_cast<float>(to[c] + sums[c]);
  }
  // A running statistic follows those of the chunk; one for all channels follows their mean.
  void move(const Pass& pass, const std::vector<double>& chunk, double times) const {
    if (offset < 0) return;
    float* running = pass.parameters + offset;
    for (int64_t e = 0; e < elements; ++e) {
      double target = 0;
      if (elements == 1)
        for (double value : chunk) target += value / static_cast<double>(chunk.size());
      else
        target = chunk[static_cast<size_t>(e)];
      running[e] +=
          static_cast<float>(static_cast<double>(pass.statisticsRate) * (times * target - running[e]));
    }
  }

  int64_t offset = -1, elements = 0;
  float absent;
};

// sum(n, sums) adds what image n contributes.
inline std::vector<double> sumImages(const Pass& pass, int64_t length,
                                     const std::function<void(int64_t n, double* sums)>& sum) {
  const int64_t count = pass.x[0].count;
  std::vector<double> images(static_cast<size_t>(count * length), 0.0);
  share(pass, count, [&](int64_t n) { sum(n, images.data() + n * length); });
  std::vector<double> total(static_cast<size_t>(length), 0.0);
  for (int64_t n = 0; n < count; ++n)
    for (int64_t i = 0; i < length; ++i)
      total[static_cast<size_t>(i)] += images[static_cast<size_t>(n * length + i)];
  return total;
}

}  // namespace facenet::cpu
