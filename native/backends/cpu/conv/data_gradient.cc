#include "native/backends/cpu/conv/data_gradient.h"

#include <algorithm>

namespace facenet::cpu {

DataGradient::DataGradient(const ConvProblem& problem, const Epilogue& outputs, int64_t gradientChannels)
    : window_(problem.window),
      in_(problem.in),
      epilogue_(std::vector<Epilogue::Part>{{problem.in.channels}}),
      zeroBias_(epilogue_.layOut(std::vector<std::vector<float>>(1))) {
  const Window& w = window_;
  WeightSource weights{{}, {}, problem.parts[0].factor};
  for (const Epilogue::Column& column : epilogue_.columns())
    for (int64_t l = 0; l < lanes(); ++l)
      weights.columns.push_back(l < column.lanes ? (column.channel + l) * problem.channelStride : -1);
  if (problem.parts.size() == 1 &&
      winogradPays(w, problem.out.channels, in_.channels, in_.height, in_.width)) {
    Im2col im2col{in_.height, in_.width, 1, 1, {{w.padTop - 2, w.padLeft - 2}}};
    addRows(problem, outputs, 0, weights.rows);
    auto engine = makeWinogradEngine(im2col, problem.out.channels, std::move(weights), true);
    classes_.push_back({0, 0, std::move(im2col), std::move(engine)});
    return;
  }
  for (int64_t y = 0; y < std::min(w.strideHeight, in_.height); ++y)
    for (int64_t x = 0; x < std::min(w.strideWidth, in_.width); ++x)
      classes_.push_back(pixelClass(problem, outputs, gradientChannels, y, x, weights));
}

// The rows of one tap: all output channels, as they lie in the gradient that is multiplied.
void DataGradient::addRows(const ConvProblem& problem, const Epilogue& outputs, int64_t tap,
                           std::vector<int64_t>& rows) const {
  const bool whole = problem.parts.size() > 1;
  for (const Epilogue::Column& column : outputs.columns())
    for (int64_t l = 0; l < (whole ? lanes() : column.lanes); ++l)
      rows.push_back(l < column.lanes ? problem.parts[column.part].weight +
                                            (column.channel + l) * problem.outStride + tap * problem.tapStride
                                      : -1);
}

DataGradient::PixelClass DataGradient::pixelClass(const ConvProblem& problem, const Epilogue& outputs,
                                                  int64_t gradientChannels, int64_t y, int64_t x,
                                                  WeightSource weights) const {
  const Window& w = window_;
  std::vector<Tap> taps;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
      const int64_t down = y + w.padTop - ky * w.dilationHeight,
                    across = x + w.padLeft - kx * w.dilationWidth;
      if (down % w.strideHeight || across % w.strideWidth) continue;
      taps.push_back({down / w.strideHeight, across / w.strideWidth});
      addRows(problem, outputs, ky * w.kernelWidth + kx, weights.rows);
    }
  const bool reached = !taps.empty();
  Im2col im2col{(in_.height - y + w.strideHeight - 1) / w.strideHeight,
                (in_.width - x + w.strideWidth - 1) / w.strideWidth, 1, 1, std::move(taps)};
  auto engine = reached ? makeGemmEngine(im2col, gradientChannels, std::move(weights)) : nullptr;
  return {y, x, std::move(im2col), std::move(engine)};
}

int64_t DataGradient::packedFloats() const {
  int64_t most = 0;
  for (const PixelClass& pixels : classes_)
    if (pixels.engine) most = std::max(most, roundUp(pixels.engine->packedFloats(), 16));
  return most;
}

int64_t DataGradient::scratchFloats(int64_t images) const {
  const bool direct = classes_.size() == 1 && classes_[0].engine;
  const int64_t spread = !direct ? images * classes_[0].im2col.pixels() * in_.channels : 0;
  return packedFloats() + spread;
}

void DataGradient::run(const Pass& pass, const View& gradient, const View& dx, bool accumulate,
                       float* scratch) const {
  if (classes_.size() == 1 && classes_[0].engine)
    return multiply(pass, classes_[0], gradient, dx, accumulate, scratch);
  float* spread = scratch + packedFloats();
  for (const PixelClass& pixels : classes_) {
    const View target{spread,
                      DType::f32,
                      dx.count,
                      {pixels.im2col.height(), pixels.im2col.width(), in_.channels},
                      in_.channels};
    if (pixels.engine)
      multiply(pass, pixels, gradient, target, false, scratch);
    else
      std::fill_n(spread, target.count * target.imageStride(), 0.0f);
    share(pass, dx.count, [&](int64_t n) { spreadImage(pixels, target, dx, accumulate, n); });
  }
}

void DataGradient::multiply(const Pass& pass, const PixelClass& pixels, const View& gradient,
                            const View& target, bool accumulate, float* packed) const {
  const ConvEngine& engine = *pixels.engine;
  std::vector<GemmColumn> columns(static_cast<size_t>(epilogue_.vectors()));
  epilogue_.bind({target}, accumulate ? &target : nullptr, zeroBias_.get(), nullptr, columns.data());
  share(pass, engine.packItems(), [&](int64_t item) { engine.pack(pass.parameters, item, packed); });
  share(pass, engine.items(gradient.count), [&](int64_t item) {
    engine.multiplyItem(gradient, packed, columns.data(), item, threadMemory(engine.scratchBytes()));
  });
}

// The rows of a class to their pixels.
void DataGradient::spreadImage(const PixelClass& pixels, const View& from, const View& dx, bool accumulate,
                               int64_t n) const {
  for (int64_t row = 0; row < from.shape.height; ++row) {
    View source = image(from, n), target = image(dx, n);
    source.shape.height = 1;
    source.data = source.as<float>() + row * from.shape.width * from.pixelStride;
    target.shape = source.shape;
    target.data = target.as<float>() +
                  ((row * window_.strideHeight + pixels.y) * in_.width + pixels.x) * dx.pixelStride;
    target.pixelStride = dx.pixelStride * window_.strideWidth;
    isa().scaled(source, 1, target, accumulate);
  }
}

}  // namespace facenet::cpu
