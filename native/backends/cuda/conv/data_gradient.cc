#include "native/backends/cuda/conv/data_gradient.h"

#include <algorithm>

#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// A convolution with stride 1 a class of pixels: into dx where there is one class, all of dx, else into scratch and
// from there to where its pixels lie.
class ByClasses final : public ConvDataGradient {
 public:
  ByClasses(const GradientShape& shape, const Device& device)
      : shape_(shape), pixelStride_(roundUp(shape.x.channels, 8)) {
    for (const PixelClass& pixels : pixelClasses(shape.window, shape.x, shape.y)) {
      const ConvShape conv{.window = pixels.window,
                           .groups = shape.groups,
                           .in = shape.y,
                           .out = {pixels.height, pixels.width, shape.x.channels},
                           .order = {.outChannels = shape.y.channels,
                                     .inChannels = shape.x.channels,
                                     .kernelHeight = shape.window.kernelHeight,
                                     .kernelWidth = shape.window.kernelWidth,
                                     .turned = true,
                                     .tapsDown = pixels.tapsDown,
                                     .tapsAcross = pixels.tapsAcross},
                           .inType = shape.gradientType,
                           .weightType = shape.weightType};
      classes_.push_back({pixels, makePackedConv(conv, device), packedBytes_});
      packedBytes_ += classes_.back().conv->packedBytes();
    }
  }

  int64_t packedBytes() const override { return packedBytes_; }
  void pack(const float* weight, void* packed, cudaStream_t stream) const override {
    for (const Class& each : classes_)
      each.conv->pack(weight, nullptr, 1, static_cast<char*>(packed) + each.packedOffset, stream);
  }

  void launch(const Call& call, cudaStream_t stream) const override {
    if (direct()) {
      const View before = call.accumulate ? call.dx : View{};
      return classes_[0].conv->launch(
          {call.packed, call.g, call.dx, Activation::Kind::none, before, call.scratch}, stream);
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
      each.conv->launch({static_cast<const char*>(call.packed) + each.packedOffset, call.g, part,
                         Activation::Kind::none, View{}, call.scratch},
                        stream);
    }
    spreadClasses({shape_.window, spread, type, pixelStride_, call.dx, call.accumulate}, stream);
  }

  int64_t scratchBytes(int64_t count) const override {
    const int64_t spread = direct() ? 0 : classPixels(shape_.window, shape_.x, count) * pixelStride_ * 4;
    return convScratch(count) + spread;
  }
  std::string describe() const override {
    const std::string one = classes_.empty() ? "zeros" : classes_[0].conv->describe();
    return direct() ? one : text(classes_.size(), " classes, ", one);
  }

 private:
  struct Class {
    PixelClass pixels;
    std::unique_ptr<PackedConv> conv;
    int64_t packedOffset;
  };

  bool direct() const { return shape_.window.strideHeight == 1 && shape_.window.strideWidth == 1; }
  // The classes take turns.
  int64_t convScratch(int64_t count) const {
    int64_t most = 0;
    for (const Class& each : classes_) most = std::max(most, each.conv->scratchBytes(count));
    return roundUp(most, 256);
  }

  GradientShape shape_;
  int64_t pixelStride_;
  int64_t packedBytes_ = 0;
  std::vector<Class> classes_;
};

// A group a channel, with a stride or several output channels: every pixel gathers what it is owed.
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
  const bool strided = shape.window.strideHeight > 1 || shape.window.strideWidth > 1;
  if (isDepthwise(shape.groups, shape.x.channels) && (strided || shape.x.channels != shape.y.channels))
    return std::make_unique<Gathered>(shape);
  return std::make_unique<ByClasses>(shape, device);
}

}  // namespace facenet::cuda
