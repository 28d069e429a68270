// A test's weights as the kernels of conv2d.cuh have them.
#pragma once

#include "convolution.h"
#include "cuda/conv2d/common/conv2d.cuh"
#include "native/core/integers.h"

namespace emulator::tests {

using facenet::roundUp;

// The weights as ConvWeights has them: parts, or groups, at multiples of kColumnAlignment, the terms of a tap
// at a multiple of `termAlignment`.
struct PackedWeights {
  std::vector<float> weight, bias, slope;
  std::vector<int64_t> firstColumns;
  int64_t columns = 0, tapTerms = 0, rowTerms = 0;
};
inline PackedWeights packWeights(const Convolution& c, const ConvolutionValues& v, int64_t termAlignment,
                                 int64_t maxout = 1) {
  const int64_t channels = c.in.channels / c.groups;
  PackedWeights packed;
  packed.tapTerms = roundUp(channels, termAlignment);
  packed.rowTerms = packed.tapTerms * c.taps();
  std::vector<int64_t> runs = c.parts;
  if (c.groups > 1) runs.assign(static_cast<size_t>(c.groups), c.parts[0] / c.groups);
  int64_t o = 0;
  for (const int64_t run : runs) {
    packed.firstColumns.push_back(packed.columns);
    packed.columns += roundUp(run, facenet::cuda::kColumnAlignment);
    packed.weight.resize(static_cast<size_t>(packed.columns * packed.rowTerms));
    packed.bias.resize(static_cast<size_t>(packed.columns));
    packed.slope.resize(static_cast<size_t>(packed.columns));
    for (int64_t i = 0; i < run; ++i, ++o) {
      const auto column = static_cast<size_t>(packed.firstColumns.back() + i), from = static_cast<size_t>(o);
      packed.bias[column] = v.bias[from];
      if (maxout == 1) packed.slope[column] = v.slope[from];
      for (int64_t t = 0; t < c.taps() * channels; ++t)
        packed.weight[column * static_cast<size_t>(packed.rowTerms) +
                      static_cast<size_t>(t / channels * packed.tapTerms + t % channels)] =
            v.weight[from * static_cast<size_t>(c.taps() * channels) + static_cast<size_t>(t)];
    }
  }
  if (maxout > 1) std::copy_n(v.slope.begin(), c.out() / maxout, packed.slope.begin());
  if (c.groups > 1) packed.columns /= c.groups, packed.firstColumns = {0};
  return packed;
}

}  // namespace emulator::tests
