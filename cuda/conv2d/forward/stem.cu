#include <algorithm>

#include "cuda/conv2d/forward/stem.cuh"
#include "cuda/conv2d/forward/stem_product.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

constexpr int kBlocksPerSm = 4;  // leaves 128 registers per thread

// Blocks x column tiles. Patch and weights lie in dynamic shared memory, the weights first.
// Registers: at most 128.
template <class Product, class T, class X>
__global__ void __launch_bounds__(kStemThreads, kBlocksPerSm) stemKernel(StemArguments a) {
  char* const weights = dynamicShared();
  auto* const patch = reinterpret_cast<uint32_t*>(weights + Product::weightBytes(a.terms));
  const int firstColumn = static_cast<int>(blockIdx.y) * Product::kColumns;
  Product::loadWeights(a, firstColumn, weights);
  ptx::copyAsyncCommit();
  ptx::copyAsyncWait<0>();
  for (int tile = static_cast<int>(blockIdx.x); tile < a.tiles; tile += static_cast<int>(gridDim.x)) {
    const int across = tile % a.tilesAcross * kStemWidth;
    const int down = tile / a.tilesAcross % a.tilesDown * Product::kRows;
    const int image = tile / a.tilesAcross / a.tilesDown;
    fillPatch<T, X>(a, image, down * a.strideHeight - a.padTop, across * a.strideWidth - a.padLeft, patch);
    __syncthreads();
    Product product;
    product.multiply(a, patch, weights);
    __syncthreads();  // the next tile's patch may overwrite this one
    product.forEachPixel([&](int column) {
      const ColumnEpilogue epilogue(a.epilogue, 0, a.columns, firstColumn + column);
      return [&a, epilogue, across, down, image](int row, int x, float(&sums)[8]) {
        const int y = down + row;
        if (y < a.outHeight && across + x < a.outWidth)
          epilogue.store((int64_t{image} * a.outHeight + y) * a.outWidth + across + x, sums);
      };
    });
  }
}

// What a tile of `rows` rows sees, in the words of a patch.
struct Patch {
  int rows, rowNumbers, pitch, shifted;
  int bytes() const { return (shifted ? 2 * shifted : rows * pitch) * 4; }
};
Patch patchOf(const Window& w, int64_t channels, DType weightType, int rows) {
  const int64_t apart = w.strideWidth * channels, windowTerms = w.kernelWidth * channels;
  const int64_t numbers = (kStemWidth - 1) * apart + windowTerms,
                down = (rows - 1) * w.strideHeight + w.kernelHeight;
  Patch patch{toInt(down), toInt(numbers), 0, 0};
  if (weightType == DType::f32) {
    patch.pitch = toInt(roundUp(numbers, kWarpSize)) + 1;  // odd: two rows at once lie in different banks
    return patch;
  }
  const int64_t read = (kStemWidth - 1) * apart + roundUp(windowTerms, 8);
  patch.pitch = toInt(ceilDivide(read, 64) * 32);
  // Half of all banks away, where odd and even pixels meet.
  if (apart % 2 == 1) patch.shifted = toInt(roundUp(down * patch.pitch, kWarpSize) + 16);
  return patch;
}

template <class Product>
int sharedBytesOf(const Window& w, int64_t channels, DType weightType) {
  const StemLayout layout(w, channels, Product::kColumns, weightType);
  return Product::weightBytes(toInt(layout.terms)) + patchOf(w, channels, weightType, Product::kRows).bytes();
}

int64_t channelsOf(const StemCall& call) {
  return call.preprocess ? (call.preprocess->grey ? 1 : 3) : call.x.shape.channels;
}

StemArguments argumentsOf(const StemCall& call, int rows) {
  const Window& w = call.window;
  const View &x = call.x, &y = call.to.front().y;
  const int64_t channels = channelsOf(call);
  FACENET_ASSERT(call.preprocess.has_value() == (x.dtype == DType::u8) && x.count == y.count);
  FACENET_ASSERT(!call.preprocess || (!call.preprocess->perImage && x.shape.channels == 3));
  FACENET_ASSERT(channels >= 1 && channels <= kMaxStemChannels && call.columns % kColumnAlignment == 0);
  FACENET_ASSERT(slidingShape(w, x.shape, y.shape.channels) == y.shape);
  const StemLayout layout(w, channels, call.columns, call.weightType);
  const Patch patch = patchOf(w, channels, call.weightType, rows);
  FACENET_ASSERT(patch.rowNumbers < 1 << 14);  // as far as a product tells pixels apart
  ConvCall product;
  product.weights.columns = call.columns;
  product.weights.bias = call.bias;
  product.weights.slope = call.slope;
  product.to = call.to;
  product.residual = call.residual;

  StemArguments a{};
  a.x = x.data;
  a.height = toInt(x.shape.height), a.width = toInt(x.shape.width);
  a.channels = toInt(channels), a.xStride = toInt(x.pixelStride);
  a.perChannel = static_cast<unsigned>(ceilDivide(65536, channels));
  if (call.preprocess) {
    a.grey = call.preprocess->grey;
    std::copy_n(call.preprocess->order.begin(), 3, a.order);
    std::copy_n(call.preprocess->mean.begin(), 3, a.mean);
    std::copy_n(call.preprocess->scale.begin(), 3, a.scale);
  }
  a.kernelHeight = toInt(w.kernelHeight);
  a.strideHeight = toInt(w.strideHeight), a.strideWidth = toInt(w.strideWidth);
  a.padTop = toInt(w.padTop), a.padLeft = toInt(w.padLeft);
  a.rowTerms = toInt(layout.rowTerms), a.windowTerms = toInt(w.kernelWidth * channels);
  a.patchRows = patch.rows, a.rowNumbers = patch.rowNumbers, a.pitch = patch.pitch, a.shifted = patch.shifted;
  a.weight = call.weight;
  a.columns = toInt(call.columns), a.terms = toInt(layout.terms);
  a.outHeight = toInt(y.shape.height), a.outWidth = toInt(y.shape.width);
  a.tilesAcross = toInt(ceilDivide(y.shape.width, kStemWidth));
  a.tilesDown = toInt(ceilDivide(y.shape.height, rows));
  a.tiles = toInt(y.count * a.tilesDown * a.tilesAcross);
  a.epilogue = epilogueOf(product);
  return a;
}

template <class Product, class T, class X>
void launchStem(const StemCall& call, int multiprocessors, cudaStream_t stream) {
  const StemArguments a = argumentsOf(call, Product::kRows);
  if (a.tiles == 0) return;
  const dim3 grid(static_cast<unsigned>(std::min(a.tiles, multiprocessors * kBlocksPerSm)),
                  static_cast<unsigned>(ceilDivide(a.columns, Product::kColumns)));
  const int sharedBytes = sharedBytesOf<Product>(call.window, a.channels, call.weightType);
  launch<stemKernel<Product, T, X>>(grid, kStemThreads, static_cast<size_t>(sharedBytes), stream, a);
}

// Up to 32 columns get tiles of 32.
template <class T, template <int> class ProductOf>
void launchColumns(const StemCall& call, int multiprocessors, cudaStream_t stream) {
  const auto withInput = [&]<class X>(TypeOf<X>) {
    call.columns <= 32 ? launchStem<ProductOf<32>, T, X>(call, multiprocessors, stream)
                       : launchStem<ProductOf<64>, T, X>(call, multiprocessors, stream);
  };
  if (call.x.dtype == DType::u8) return withInput(TypeOf<uint8_t>());
  if (call.x.dtype == DType::f32) return withInput(TypeOf<float>());
  FACENET_ASSERT(call.x.dtype == call.weightType);
  withInput(TypeOf<T>());
}

template <int Columns>
using StemBf16 = StemMma<bf16, Columns>;
template <int Columns>
using StemF16 = StemMma<f16, Columns>;

}  // namespace

int64_t stemSharedBytes(const Window& window, int64_t channels, int64_t columns, DType weightType) {
  if (weightType == DType::f32)
    return columns <= 32 ? sharedBytesOf<StemMultiplyAdd<32>>(window, channels, weightType)
                         : sharedBytesOf<StemMultiplyAdd<64>>(window, channels, weightType);
  return columns <= 32 ? sharedBytesOf<StemBf16<32>>(window, channels, weightType)
                       : sharedBytesOf<StemBf16<64>>(window, channels, weightType);
}

void stem(const StemCall& call, int multiprocessors, cudaStream_t stream) {
  switch (call.weightType) {
    case DType::f32: return launchColumns<float, StemMultiplyAdd>(call, multiprocessors, stream);
    case DType::bf16: return launchColumns<bf16, StemBf16>(call, multiprocessors, stream);
    default: return launchColumns<f16, StemF16>(call, multiprocessors, stream);
  }
}

}  // namespace facenet::cuda
