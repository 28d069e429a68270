// The gradient of a convolution's input: the same engine over the output's gradient, with the weights' input and output
// channels swapped and the kernel rotated.
#pragma once

#include "native/backends/cpu/conv/forward.h"
#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

class DataGradient {
 public:
  // `gradientChannels`: of a pixel of the output's gradient, where parts lie in whole vectors if there are several.
  DataGradient(const ConvProblem& problem, const Epilogue& outputs, int64_t gradientChannels);

  int64_t scratchFloats(int64_t images) const;
  void run(const Pass& pass, const View& gradient, const View& dx, bool accumulate, float* scratch) const;

 private:
  // Input pixels that are a multiple of the stride apart, starting at (y, x): the same taps reach all of them.
  struct PixelClass {
    int64_t y, x;
    Im2col im2col;
    std::unique_ptr<ConvEngine> engine;  // null where no tap reaches them
  };

  void addRows(const ConvProblem& problem, const Epilogue& outputs, int64_t tap,
               std::vector<int64_t>& rows) const;
  PixelClass pixelClass(const ConvProblem& problem, const Epilogue& outputs, int64_t gradientChannels,
                        int64_t y, int64_t x, WeightSource weights) const;
  int64_t packedFloats() const;
  void multiply(const Pass& pass, const PixelClass& pixels, const View& gradient, const View& target,
                bool accumulate, float* packed) const;
  void spreadImage(const PixelClass& pixels, const View& from, const View& dx, bool accumulate,
                   int64_t n) const;

  Window window_;
  Shape in_;
  Epilogue epilogue_;
  AlignedArray<float> zeroBias_;
  std::vector<PixelClass> classes_;
};

}  // namespace facenet::cpu
