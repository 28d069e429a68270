#include "native/backends/cpu/conv/forward.h"

#include <algorithm>

namespace facenet::cpu {

namespace {

Im2col im2colOf(const ConvProblem& problem, bool padded) {
  const Window& w = problem.window;
  std::vector<Tap> taps;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < (padded ? 1 : w.kernelWidth); ++kx)
      taps.push_back(padded ? Tap{ky, 0}
                            : Tap{ky * w.dilationHeight - w.padTop, kx * w.dilationWidth - w.padLeft});
  return {problem.out.height, problem.out.width, w.strideHeight, w.strideWidth, std::move(taps)};
}

Epilogue epilogueOf(const ConvProblem& problem) {
  std::vector<Epilogue::Part> parts;
  for (const ConvProblem::Part& part : problem.parts) parts.push_back({part.channels, part.activation});
  return Epilogue(parts);
}

// `taps`: those of the window, or 1 where the engine reads the weights of a channel itself.
WeightSource weightsOf(const ConvProblem& problem, const Epilogue& epilogue, int64_t taps, bool constant) {
  WeightSource weights{{}, {}, problem.parts[0].factor, constant};
  for (const Epilogue::Column& column : epilogue.columns())
    for (int64_t l = 0; l < lanes(); ++l)
      weights.columns.push_back(l < column.lanes ? problem.parts[column.part].weight +
                                                       (column.channel + l) * problem.outStride
                                                 : -1);
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t i = 0; i < problem.in.channels; ++i)
      weights.rows.push_back(t * problem.tapStride + i * problem.channelStride);
  return weights;
}

}  // namespace

ConvForward::ConvForward(const ConvProblem& problem, bool constant)
    : method_(chooseEngine(problem.window, problem.in, problem.out, problem.groups, problem.parts.size())),
      in_(problem.in),
      padded_{in_.height + problem.window.padTop + problem.window.padBottom,
              in_.width + problem.window.padLeft + problem.window.padRight, in_.channels},
      padTop_(problem.window.padTop),
      padLeft_(problem.window.padLeft),
      run_(in_.channels * (padded() ? problem.window.kernelWidth : 1)),
      im2col_(im2colOf(problem, padded())),
      epilogue_(epilogueOf(problem)),
      weights_(weightsOf(problem, epilogue_, winograd() ? 1 : problem.taps(), constant)),
      engine_(winograd() ? makeWinogradEngine(im2col_, run_, weights_, false)
                         : makeGemmEngine(im2col_, run_, weights_, padded())) {}

int64_t ConvForward::paddedFloats(int64_t count) const {
  return padded() ? roundUp(count * padded_.elements() + lanes(), 16) : 0;
}

View ConvForward::paddedView(float* memory, int64_t count) const {
  return {memory, DType::f32, count, padded_, padded_.channels};
}

void ConvForward::pad(const View& image, float* to) const {
  const int64_t row = padded_.width * padded_.channels, left = padLeft_ * padded_.channels;
  for (int64_t y = -padTop_; y < padded_.height - padTop_; ++y, to += row) {
    std::fill_n(to, row, 0.0f);
    if (y < 0 || y >= in_.height) continue;
    const float* from = image.as<float>() + y * in_.width * image.pixelStride;
    if (image.pixelStride == in_.channels)
      std::copy_n(from, in_.width * in_.channels, to + left);
    else
      for (int64_t x = 0; x < in_.width; ++x)
        std::copy_n(from + x * image.pixelStride, in_.channels, to + left + x * in_.channels);
  }
}

}  // namespace facenet::cpu
