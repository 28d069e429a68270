// What convolutions and fully connected layers have in common: sums of products over a window.
#pragma once

#include "native/backends/cpu/conv/engine.h"

namespace facenet::cpu {

// A fully connected layer is a convolution of one pixel that has all of the image's elements as channels.
struct Linear {
  struct Part {
    int64_t channels = 0;
    Activation::Kind activation = Activation::Kind::none;
    int64_t weight = -1, bias = -1;  // places in the vector of parameters; bias -1: none
    float factor = 1;
  };
  Window window;
  Shape in, out;  // out: channels of all parts
  std::vector<Part> parts;
  bool residual = false;
  // Elements between the weights of neighbouring taps, input channels and output channels.
  int64_t tapStride = 1, channelStride = 1, outStride = 1;
};

std::unique_ptr<TrainKernel> makeLinear(Linear linear);

// The plans of training leave prelu and maxout, whose backward needs more than y, as steps of their own; plain
// loops do where one of them is fused nevertheless.
inline bool maskable(const Activation& activation) {
  return activation.kind != Activation::Kind::prelu && activation.kind != Activation::Kind::sigmoid;
}
inline int64_t placeOf(const TrainContext& context, const std::string& name) {
  return name.empty() ? -1 : context.parameters.at(name).offset;
}

}  // namespace facenet::cpu
