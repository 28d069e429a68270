// A convolution's weights as GEMM columns, with what happens to each column afterwards.
#pragma once

#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/conv/panels.h"

namespace facenet::cpu {

struct PackedConv {
  Epilogue epilogue;
  GemmWeights weights;
};

// One a group. Term k of a sum is (ky, kx, channel) with the channel innermost, as inputs lie in memory.
std::vector<PackedConv> packConv(const Conv2d& op, int64_t inChannels, const Weights& weights,
                                 const std::string& layer);

}  // namespace facenet::cpu
