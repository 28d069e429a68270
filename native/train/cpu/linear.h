// What convolutions and fully connected layers have in common: sums of products over a window.
#pragma once

#include "train/cpu/product.h"

namespace facenet::train::cpu {

// A fully connected layer is a convolution whose window is the whole image.
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

}  // namespace facenet::train::cpu
