#include "native/backends/cuda/conv/packed_conv.h"

#include <algorithm>

#include "cuda/conv2d/forward/conv2d_mma.cuh"
#include "cuda/conv2d/forward/depthwise.cuh"
#include "cuda/conv2d/forward/stem.cuh"
#include "native/backends/cuda/conv/product_route.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

class Product final : public PackedConv {
 public:
  explicit Product(const ConvShape& shape)
      : PackedConv(shape, shape.groups, roundUp(shape.out.channels / shape.groups, kColumnAlignment)),
        tapTerms_(
            roundUp(shape.in.channels / shape.groups, 16 / static_cast<int64_t>(byteSize(shape.weightType)))),
        pieces_(shape.weightType, product(true), 1, kTrainingDevice),
        numbers_(shape.weightType, product(false), 1, kTrainingDevice) {}

  // Slices may begin anywhere, so that the route is known with the view.
  void launch(const Call& call, cudaStream_t stream) const override {
    const View& x = call.x;
    const bool pieces = copiesPieces(x.dtype, x.pixelStride, x.shape.channels, shape_.groups) &&
                        reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
    (pieces ? pieces_ : numbers_)
        .launch({.window = shape_.window,
                 .x = x,
                 .weights = {.weight = call.packed,
                             .dtype = shape_.weightType,
                             .columns = columns_,
                             .tapTerms = tapTerms_,
                             .rowTerms = taps() * tapTerms_,
                             .bias = biasOf(call.packed),
                             .groups = shape_.groups},
                 .to = {{call.y, 0, call.activation}},
                 .residual = call.residual,
                 .maxout = 1,
                 .scratch = call.scratch},
                stream);
  }
  int64_t scratchBytes(int64_t count) const override {
    return std::max(pieces_.scratchBytes(count), numbers_.scratchBytes(count));
  }
  std::string describe() const override { return pieces_.describe(); }

 private:
  int64_t taps() const { return shape_.window.kernelHeight * shape_.window.kernelWidth; }
  ConvProduct product(bool direct) const {
    return {.pixels = shape_.out.pixels(),
            .columns = columns_,
            .terms = taps() * tapTerms_,
            .groups = shape_.groups,
            .direct = direct};
  }
  int64_t weightBytes() const override {
    return shape_.groups * columns_ * taps() * tapTerms_ * static_cast<int64_t>(byteSize(shape_.weightType));
  }
  void packTerms(const float* weight, float factor, void* to, cudaStream_t stream) const override {
    const WeightOrder& order = shape_.order;
    packWeights({.weight = weight,
                 .groups = shape_.groups,
                 .outChannels = order.outChannels,
                 .inChannels = order.inChannels / shape_.groups,
                 .kernelHeight = order.kernelHeight,
                 .kernelWidth = order.kernelWidth,
                 .turned = order.turned,
                 .tapsDown = order.tapsDown,
                 .tapsAcross = order.tapsAcross,
                 .factor = factor,
                 .to = to,
                 .dtype = shape_.weightType,
                 .columns = columns_,
                 .tapTerms = tapTerms_},
                stream);
  }

  int64_t tapTerms_;
  ProductRoute pieces_, numbers_;
};

class Depthwise final : public PackedConv {
 public:
  explicit Depthwise(const ConvShape& shape)
      : PackedConv(shape, 1, roundUp(shape.out.channels, kColumnAlignment)) {}

  void launch(const Call& call, cudaStream_t stream) const override {
    FACENET_ASSERT(call.x.dtype == shape_.inType);
    depthwise({.window = shape_.window,
               .x = call.x,
               .weight = call.packed,
               .bias = biasOf(call.packed),
               .columns = columns_,
               .activation = call.activation,
               .y = call.y,
               .residual = call.residual},
              stream);
  }
  std::string describe() const override {
    const int64_t in = roundUp(shape_.in.channels, 8), out = roundUp(shape_.out.channels, 8);
    return describeDepthwise(shape_.window, {nullptr, shape_.inType, 1, shape_.in, in},
                             {nullptr, shape_.inType, 1, shape_.out, out});
  }

 private:
  int64_t weightBytes() const override {
    return shape_.window.kernelHeight * shape_.window.kernelWidth * columns_ *
           static_cast<int64_t>(byteSize(shape_.inType));
  }
  void packTerms(const float* weight, float factor, void* to, cudaStream_t stream) const override {
    const WeightOrder& order = shape_.order;
    PackCall call = packDepthwise(weight, order.outChannels, order.kernelHeight, order.kernelWidth);
    call.tapsDown = order.tapsDown;
    call.tapsAcross = order.tapsAcross;
    call.factor = factor;
    call.to = to;
    call.dtype = shape_.inType;
    packWeights(call, stream);
  }
};

// The first layer, of an image of few channels.
class Stem final : public PackedConv {
 public:
  Stem(const ConvShape& shape, int multiprocessors)
      : PackedConv(shape, 1, roundUp(shape.out.channels, kColumnAlignment)),
        multiprocessors_(multiprocessors) {}

  static bool fits(const ConvShape& shape, const Device& device) {
    return shape.groups == 1 && !shape.order.turned && shape.in.channels <= kMostStemChannels &&
           stemSharedBytes(shape.window, shape.in.channels, shape.out.channels, shape.weightType) <=
               device.sharedBytes;
  }

  void launch(const Call& call, cudaStream_t stream) const override {
    stem({.window = shape_.window,
          .x = call.x,
          .preprocess = {},
          .weight = call.packed,
          .weightType = shape_.weightType,
          .columns = columns_,
          .bias = biasOf(call.packed),
          .to = {{call.y, 0, call.activation}},
          .residual = call.residual},
         multiprocessors_, stream);
  }
  std::string describe() const override { return text("stem ", dtypeName(shape_.weightType)); }

 private:
  StemLayout layout() const { return {shape_.window, shape_.in.channels, columns_, shape_.weightType}; }
  int64_t weightBytes() const override {
    return layout().size() * static_cast<int64_t>(byteSize(shape_.weightType));
  }
  void packTerms(const float* weight, float factor, void* to, cudaStream_t stream) const override {
    packStem(weight, shape_.order.outChannels, shape_.order.inChannels, shape_.window, factor, layout(), to,
             stream);
  }

  int multiprocessors_;
};

}  // namespace

PackedConv::PackedConv(const ConvShape& shape, int64_t biasGroups, int64_t columns)
    : shape_(shape),
      columns_(columns),
      biasGroups_(biasGroups),
      biasBytes_(shape.bias ? roundUp(biasGroups * columns * 4, 256) : 0) {}

int64_t PackedConv::biasOffset() const {
  return roundUp(weightBytes(), 256);
}

const float* PackedConv::biasOf(const void* packed) const {
  if (!shape_.bias) return nullptr;
  return reinterpret_cast<const float*>(static_cast<const char*>(packed) + biasOffset());
}

void PackedConv::pack(const float* weight, const float* bias, float factor, void* packed,
                      cudaStream_t stream) const {
  FACENET_ASSERT((bias != nullptr) == shape_.bias);
  packTerms(weight, factor, packed, stream);
  if (bias)
    packBias(bias, shape_.out.channels, biasGroups_, factor, columns_, const_cast<float*>(biasOf(packed)),
             stream);
}

std::unique_ptr<PackedConv> makePackedConv(const ConvShape& shape, const Device& device) {
  if (isDepthwise(shape.groups, shape.order.inChannels)) return std::make_unique<Depthwise>(shape);
  if (Stem::fits(shape, device)) return std::make_unique<Stem>(shape, device.multiprocessors);
  return std::make_unique<Product>(shape);
}

}  // namespace facenet::cuda
