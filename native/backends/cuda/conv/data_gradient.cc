#include "native/backends/cuda/conv/data_gradient.h"

#include <algorithm>

#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// A convolution with stride 1 for each class of pixels: into dx where there is one class, all of dx, else into scratch
// and from there to where its pixels lie.
class ByClasses final : public ConvDataGradient {
 public:
  ByClasses(const GradientShape& shape, bool direct, const Device& device)
      : shape_(shape), direct_(direct), pixelStride_(roundUp(shape.x.channels, 8)) {
    for (const PixelClass& pixels : pixelClasses(shape.window, shape.x, shape.y)) {
      const ConvProblem problem{.kind = ConvProblem::Kind::dataGradient,
                                .training = true,
                                .window = pixels.window,
                                .groups = shape.groups,
                                .in = shape.y,
                                .out = {pixels.height, pixels.width, shape.x.channels},
                                .outChannels = shape.y.channels,
                                .inChannels = shape.x.channels,
                                .kernelHeight = shape.window.kernelHeight,
                                .kernelWidth = shape.window.kernelWidth,
                                .tapsDown = pixels.tapsDown,
                                .tapsAcross = pixels.tapsAcross,
                                .inType = shape.gradientType,
                                .weightType = shape.weightType};
      classes_.push_back({pixels, std::make_unique<PackedConv>(problem, device), packedBytes_});
      packedBytes_ += classes_.back().conv->packedBytes();
    }
  }

  int64_t packedBytes() const override { return packedBytes_; }
  void pack(const float* weight, void* packed, cudaStream_t stream) const override {
    for (const Class& each : classes_)
      each.conv->pack({weight}, static_cast<char*>(packed) + each.packedOffset, stream);
  }

  void launch(const Call& call, cudaStream_t stream) const override {
    if (direct_) {
      const View before = call.accumulate ? call.dx : View{};
      return classes_[0].conv->launch({call.packed, call.g, {{call.dx}}, before, call.scratch}, stream);
    }
    // Sums that are added to others are rounded once, with these.
    const DType type = call.accumulate ? DType::f32 : call.dx.dtype;
    const int64_t count = call.dx.count, pixelBytes = pixelStride_ * static_cast<int64_t>(byteSize(type));
    char* const spread = static_cast<char*>(call.scratch) + convScratch(count);
    for (const Class& each : classes_) {
      const PixelClass& pixels = each.pixels;
      const View part{spread + pixelBytes * firstPixelOf(shape_.window, shape_.x, count, pixels.index),
                      type,
                      count,
                      {pixels.height, pixels.width, shape_.x.channels},
                      pixelStride_};
      each.conv->launch(
          {static_cast<const char*>(call.packed) + each.packedOffset, call.g, {{part}}, View{}, call.scratch},
          stream);
    }
    interleaveClasses({shape_.window, spread, type, pixelStride_, call.dx, call.accumulate}, stream);
  }

  int64_t scratchBytes(int64_t count) const override {
    const int64_t spread = direct_ ? 0 : classPixels(shape_.window, shape_.x, count) * pixelStride_ * 4;
    return convScratch(count) + spread;
  }
  std::string describe() const override {
    const std::string one = classes_.empty() ? "zeros" : classes_[0].conv->describe();
    return direct_ ? one : text(classes_.size(), " classes, ", one);
  }

 private:
  struct Class {
    PixelClass pixels;
    std::unique_ptr<PackedConv> conv;
    int64_t packedOffset;
  };

  // One class is computed after the other.
  int64_t convScratch(int64_t count) const {
    int64_t most = 0;
    for (const Class& each : classes_) most = std::max(most, each.conv->scratchBytes(count));
    return roundUp(most, 256);
  }

  GradientShape shape_;
  bool direct_;
  int64_t pixelStride_;
  int64_t packedBytes_ = 0;
  std::vector<Class> classes_;
};

// Depthwise with a stride or several output channels: every pixel gathers what reached its window's outputs.
class Gathered final : public ConvDataGradient {
 public:
  explicit Gathered(const GradientShape& shape) : shape_(shape), packing_(packing(nullptr, nullptr)) {}

  int64_t packedBytes() const override {
    const int64_t taps = shape_.window.kernelHeight * shape_.window.kernelWidth;
    return roundUp(taps * packing_.tapTerms * static_cast<int64_t>(byteSize(shape_.gradientType)), 256);
  }
  void pack(const float* weight, void* packed, cudaStream_t stream) const override {
    packWeights(packing(weight, packed), stream);
  }
  void launch(const Call& call, cudaStream_t stream) const override {
    FACENET_ASSERT(call.g.dtype == shape_.gradientType);
    depthwiseGradient({shape_.window, call.packed, packing_.tapTerms, call.g, call.dx, call.accumulate},
                      stream);
  }
  int64_t scratchBytes(int64_t) const override { return 0; }
  std::string describe() const override { return "depthwise, gathered"; }

 private:
  PackCall packing(const float* weight, void* to) const {
    const Window& w = shape_.window;
    PackCall call = packDepthwise(weight, shape_.y.channels, w.kernelHeight, w.kernelWidth);
    call.to = to;
    call.dtype = shape_.gradientType;
    return call;
  }

  GradientShape shape_;
  PackCall packing_;
};

}  // namespace

std::unique_ptr<ConvDataGradient> makeConvDataGradient(const GradientShape& shape, const Device& device) {
  const DataGradientRoute route = chooseDataGradient(shape.window, shape.groups, shape.x, shape.y);
  if (route == DataGradientRoute::gathered) return std::make_unique<Gathered>(shape);
  return std::make_unique<ByClasses>(shape, route == DataGradientRoute::direct, device);
}

}  // namespace facenet::cuda
