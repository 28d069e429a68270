#include "cuda/conv2d/forward/conv2d_f32.cuh"

#include "packed_weights.h"

namespace emulator::tests {
namespace {

using facenet::bf16;
using facenet::DType;
using facenet::f16;
using facenet::Rounding;
using facenet::Shape;
using facenet::View;
using facenet::Window;
using facenet::cuda::ConvCall;
using facenet::cuda::ConvTile;
using Kind = facenet::Activation::Kind;

constexpr float kUntouched = 77;

// Where a test's tensors lie.
struct Layout {
  int64_t xStride = 0;   // 0: dense
  int64_t xOffset = 0;   // of the first channel: a slice, or memory that is not aligned to 16 bytes
  int64_t yPadding = 0;  // channels behind each part's own
};

// Runs the kernel; the result is dense, count x pixels x channels of all parts.
template <class Out>
std::vector<float> runKernel(const Convolution& c, const ConvolutionValues& v, const Layout& layout,
                             const ConvTile& tile) {
  const DType dtype = sizeof(Out) == 4 ? DType::f32 : std::is_same_v<Out, bf16> ? DType::bf16 : DType::f16;
  const Shape out = c.outShape();
  const int64_t xStride = layout.xStride ? layout.xStride : c.in.channels, pixels = c.count * out.pixels();
  auto x = strided<float>(v.x, c.in.channels, xStride);
  x.insert(x.begin(), static_cast<size_t>(layout.xOffset), std::nanf(""));
  const PackedWeights packed = packWeights(c, v, 4);
  const auto xs = onDevice(x), weight = onDevice(packed.weight), bias = onDevice(packed.bias),
             slope = onDevice(packed.slope);
  const int64_t residualStride = out.channels + 3;
  const auto residual =
      onDevice(c.residual ? strided<Out>(v.residual, out.channels, residualStride) : std::vector<Out>(1));
  std::vector<facenet::cuda::DeviceBuffer<Out>> ys;
  ConvCall call{.window = c.window,
                .x = {xs.data() + layout.xOffset, DType::f32, c.count, c.in, xStride},
                .weights = {weight.data(), DType::f32, packed.columns, packed.tapTerms, packed.rowTerms,
                            bias.data(), slope.data()},
                .to = {},
                .residual = {}};
  for (size_t p = 0; p < c.parts.size(); ++p) {
    const int64_t stride = c.parts[p] + layout.yPadding;
    ys.push_back(onDevice(
        std::vector<Out>(static_cast<size_t>(pixels * stride), facenet::fromFloat<Out>(kUntouched))));
    const View y{ys.back().data(), dtype, c.count, {out.height, out.width, c.parts[p]}, stride};
    call.to.push_back({y, packed.firstColumns[p], c.activation});
  }
  if (c.residual) call.residual = {residual.data(), dtype, c.count, out, residualStride};
  facenet::cuda::conv2dF32(call, tile, nullptr);

  std::vector<float> found(static_cast<size_t>(pixels * out.channels));
  int64_t first = 0;
  for (size_t p = 0; p < c.parts.size(); ++p) {
    const auto y = onHost(ys[p]);
    const int64_t stride = c.parts[p] + layout.yPadding;
    for (int64_t i = 0; i < pixels * stride; ++i) {
      const float value = facenet::toFloat(y[static_cast<size_t>(i)]);
      if (i % stride < c.parts[p])
        found[static_cast<size_t>(i / stride * out.channels + first + i % stride)] = value;
      else
        expect(value == kUntouched, "channel ", i % stride, " beyond part ", p, " was written");
    }
    first += c.parts[p];
  }
  return found;
}

// Small integers come out exact; the residual is then in the output's type, which holds them.
template <class Out>
void check(const Convolution& c, const Layout& layout, const ConvTile& tile) {
  const DType dtype = sizeof(Out) == 4 ? DType::f32 : std::is_same_v<Out, bf16> ? DType::bf16 : DType::f16;
  ConvolutionValues v = valuesOf(c, false);
  for (float& value : v.residual) value = stored(value, dtype);
  expectPrecise(c, v, dtype, runKernel<Out>(c, v, layout, tile));
  if (sizeof(Out) < 4) return;
  const ConvolutionValues whole = valuesOf(c, true);
  const auto found = runKernel<Out>(c, whole, layout, tile);
  const auto exact = plainLoop<double>(c, whole);
  for (size_t i = 0; i < exact.size(); ++i)
    expect(found[i] == exact[i], "value ", i, " is ", found[i], ", not ", exact[i]);
}

Window square(int64_t kernel, int64_t stride, int64_t padding) {
  return {kernel, kernel, stride, stride, padding, padding, padding, padding, Rounding::floor};
}

// Channels that are no multiple of anything, several images in a tile, tiles that hang over every edge.
const std::vector<std::pair<Convolution, Layout>>& cases() {
  static const std::vector<std::pair<Convolution, Layout>> all{
      {{square(1, 1, 0), {5, 7, 20}, {40}, Kind::relu}, {}},
      {{square(3, 1, 1), {7, 5, 8}, {33}, Kind::prelu, true, 1, 2}, {16, 8, 5}},
      {{square(3, 2, 1), {9, 8, 6}, {10}, Kind::relu6}, {8, 0, 2}},
      {{square(5, 1, 2), {6, 6, 3}, {12}, Kind::none, true}, {}},
      {{{2, 3, 1, 2, 1, 0, 0, 2, Rounding::floor}, {6, 7, 5}, {8}, Kind::none, false, 1, 3}, {7, 1, 0}},
      {{square(7, 2, 3), {11, 9, 4}, {17}, Kind::relu}, {}},
      {{square(1, 1, 0), {4, 4, 24}, {16, 24, 5, 8}, Kind::relu, false, 1, 2}, {32, 8, 8}},
      {{square(1, 2, 0), {5, 5, 12}, {9}}, {}},
      {{square(1, 1, 0), {1, 1, 50}, {30}, Kind::prelu, false, 1, 3}, {56, 0, 2}},
      {{{3, 2, 1, 2, 2, 3, 3, 2, Rounding::floor, 2, 3}, {8, 11, 10}, {12}, Kind::relu, false, 1, 2},
       {12, 0, 0}},
  };
  return all;
}

TEST("fp32 convolutions of every kind, in every order") {
  inEveryOrder([] {
    const auto tiles = facenet::cuda::f32Tiles();
    size_t i = 0;
    for (const auto& [convolution, layout] : cases())
      check<float>(convolution, layout, tiles[++i % tiles.size()]);
  });
}

TEST("fp32 convolutions in every tile") {
  for (const ConvTile& tile : facenet::cuda::f32Tiles())
    for (const size_t i : {1u, 6u}) check<float>(cases()[i].first, cases()[i].second, tile);
}

TEST("fp32 convolutions that write bf16 and f16") {
  const ConvTile tile = facenet::cuda::f32Tiles().back();
  for (const auto& [convolution, layout] : cases()) {
    check<bf16>(convolution, layout, tile);
    check<f16>(convolution, layout, tile);
  }
}

// Every block reads its rows of the input and its columns of the weights once, and no bank twice.
TEST("fp32 convolutions read what their tiling implies, without bank conflicts") {
  for (const ConvTile& tile : facenet::cuda::f32Tiles()) {
    const Convolution c{square(3, 1, 0), {10, 18, 32}, {128}};
    const ConvolutionValues v = valuesOf(c, false);
    const Counters n = count([&] { runKernel<float>(c, v, {}, tile); });
    const int64_t pixels = 128, terms = 9 * 32, columns = 128;
    const int64_t rowTiles = (pixels + tile.rows - 1) / tile.rows, columnTiles = columns / tile.columns;
    const int64_t implied = 4 * terms * (columnTiles * pixels + rowTiles * columns);
    expect(n.globalBytesRead >= implied && n.globalBytesRead <= 1.15 * static_cast<double>(implied),
           n.globalBytesRead, " bytes, not ", implied);
    expect(n.globalBytesWritten == 4 * pixels * columns, n.globalBytesWritten, " bytes written");
    expect(n.sharedPhases == n.sharedPhasesIdeal, n.sharedPhases, " phases, not ", n.sharedPhasesIdeal);
  }
}

TEST("the tile of an fp32 convolution follows its shape and the device") {
  const auto choose = [](int64_t pixels, int64_t columns, int multiprocessors) {
    const ConvTile t = facenet::cuda::chooseF32Tile(pixels, columns, multiprocessors);
    return facenet::text(t.rows, "x", t.columns);
  };
  const auto expectTile = [&](int64_t pixels, int64_t columns, int multiprocessors, const char* tile) {
    const std::string found = choose(pixels, columns, multiprocessors);
    expect(found == tile, pixels, " x ", columns, ": ", found, ", not ", tile);
  };
  expectTile(256 * 28 * 28, 256, 132, "128x128");  // many blocks: the fewest reads
  expectTile(256 * 28 * 28, 64, 132, "128x64");    // no columns that do not exist
  expectTile(256 * 28 * 28, 32, 132, "128x32");
  expectTile(14 * 14, 64, 132, "32x32");  // a single image: as many blocks as there can be
  expectTile(14 * 14, 64, 1, "128x64");   // unless one multiprocessor does them all
}

}  // namespace
}  // namespace emulator::tests
