// The forward product of a convolution or a fully connected layer in fp32: its engine, and what it is set up with. The
// weight gradient reads the input in the same way.
#pragma once

#include "native/backends/cpu/conv/choice.h"
#include "native/backends/cpu/conv/engine.h"
#include "native/backends/cpu/conv/epilogue.h"

namespace facenet::cpu {

// A fully connected layer is a convolution of one pixel that has all of the image's elements as channels.
struct ConvProblem {
  struct Part {
    int64_t channels = 0;
    Activation::Kind activation = Activation::Kind::none;
    int64_t weight = -1, bias = -1;  // offsets in the values that weights come from; bias -1: none
    float factor = 1;
  };
  Window window;
  Shape in, out;  // of one group; out: channels of all parts
  int64_t groups = 1;
  std::vector<Part> parts;
  bool residual = false;
  // Elements between the weights of neighbouring taps, input channels and output channels.
  int64_t tapStride = 1, channelStride = 1, outStride = 1;

  int64_t taps() const { return window.kernelHeight * window.kernelWidth; }
  // Weights as they are stored: O x I x KH x KW.
  void storedLayout() {
    channelStride = taps();
    outStride = in.channels * taps();
  }
};

class ConvForward {
 public:
  // `constant`: weights are packed once.
  ConvForward(const ConvProblem& problem, bool constant);

  const ConvEngine& engine() const { return *engine_; }
  const Epilogue& epilogue() const { return epilogue_; }

  // A stem reads a copy of the input with its padding around it, where a row of the window is one run of memory.
  bool padded() const { return method_ == ConvMethod::stem; }
  // Floats of `count` images of the copy, and what the engine may read behind them.
  int64_t paddedFloats(int64_t count) const;
  View paddedView(float* memory, int64_t count) const;
  void pad(const View& image, float* to) const;

  bool winograd() const { return method_ == ConvMethod::winograd; }
  const Im2col& im2col() const { return im2col_; }
  int64_t run() const { return run_; }  // floats under each tap
  const WeightSource& weights() const { return weights_; }

 private:
  ConvMethod method_;
  Shape in_, padded_;
  int64_t padTop_, padLeft_, run_;
  Im2col im2col_;
  Epilogue epilogue_;
  WeightSource weights_;
  std::unique_ptr<ConvEngine> engine_;
};

}  // namespace facenet::cpu
