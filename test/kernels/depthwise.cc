#include "cuda/conv2d/forward/depthwise.cuh"

#include "convolution.h"

namespace emulator::tests {
namespace {

using facenet::bf16;
using facenet::DType;
using facenet::f16;
using facenet::Rounding;
using facenet::Shape;
using facenet::View;
using facenet::Window;
using facenet::cuda::DepthwiseCall;
using Kind = facenet::Activation::Kind;

constexpr float kUntouched = 77;

// Where x and y lie: elements between pixels, 0 for dense ones, and elements before the first.
struct Layout {
  int64_t xStride = 0, xOffset = 0, yStride = 0;
};

template <class T, class Out>
std::vector<float> runKernel(const Convolution& c, const ConvolutionValues& v, const Layout& layout) {
  const Shape out = c.outShape();
  const int64_t pixels = c.count * out.pixels(), columns = (out.channels + 7) / 8 * 8;
  const int64_t xStride = layout.xStride ? layout.xStride : c.in.channels;
  const int64_t yStride = layout.yStride ? layout.yStride : out.channels, residualStride = out.channels + 3;
  auto x = strided<T>(v.x, c.in.channels, xStride);
  x.insert(x.begin(), static_cast<size_t>(layout.xOffset), facenet::fromFloat<T>(std::nanf("")));
  std::vector<T> weight(static_cast<size_t>(c.taps() * columns));
  std::vector<float> bias(v.bias), slope(v.slope);
  bias.resize(static_cast<size_t>(columns));
  slope.resize(static_cast<size_t>(columns));
  for (int64_t o = 0; o < out.channels; ++o)
    for (int64_t tap = 0; tap < c.taps(); ++tap)
      weight[static_cast<size_t>(tap * columns + o)] =
          facenet::fromFloat<T>(v.weight[static_cast<size_t>(o * c.taps() + tap)]);
  const auto xs = onDevice(x), weights = onDevice(weight);
  const auto biases = onDevice(bias), slopes = onDevice(slope);
  const auto ys =
      onDevice(std::vector<Out>(static_cast<size_t>(pixels * yStride), facenet::fromFloat<Out>(kUntouched)));
  const auto residual =
      onDevice(c.residual ? strided<Out>(v.residual, out.channels, residualStride) : std::vector<Out>(1));
  DepthwiseCall call{.window = c.window,
                     .x = {xs.data() + layout.xOffset, dtypeOf<T>(), c.count, c.in, xStride},
                     .weight = weights.data(),
                     .bias = biases.data(),
                     .slope = slopes.data(),
                     .columns = columns,
                     .activation = c.activation,
                     .y = {ys.data(), dtypeOf<Out>(), c.count, out, yStride},
                     .residual = {}};
  if (c.residual) call.residual = {residual.data(), dtypeOf<Out>(), c.count, out, residualStride};
  facenet::cuda::depthwise(call, nullptr);

  std::vector<float> found;
  const auto y = onHost(ys);
  for (int64_t i = 0; i < pixels * yStride; ++i) {
    const float value = facenet::toFloat(y[static_cast<size_t>(i)]);
    if (i % yStride < out.channels)
      found.push_back(value);
    else
      expect(value == kUntouched, "channel ", i % yStride, " beyond the image was written");
  }
  return found;
}

template <class T, class Out>
void check(const Convolution& c, const Layout& layout) {
  ConvolutionValues v = valuesOf(c, false);
  for (auto* list : {&v.x, &v.weight})
    for (float& value : *list) value = stored(value, dtypeOf<T>());
  for (float& value : v.residual) value = stored(value, dtypeOf<Out>());
  expectPrecise(c, v, dtypeOf<Out>(), runKernel<T, Out>(c, v, layout));
  const ConvolutionValues whole = valuesOf(c, true);
  const auto found = runKernel<T, Out>(c, whole, layout);
  const auto exact = plainLoop<double>(c, whole);
  for (size_t i = 0; i < exact.size(); ++i)
    expect(found[i] == stored(exact[i], dtypeOf<Out>()), "value ", i, " is ", found[i], ", not ", exact[i]);
}

Convolution depthwiseOf(Window window, Shape in, Kind activation, bool residual = false,
                        int64_t multiplier = 1, int64_t count = 1) {
  return {window, in, {in.channels * multiplier}, activation, residual, in.channels, count};
}
Window square(int64_t kernel, int64_t stride, int64_t padding) {
  return {kernel, kernel, stride, stride, padding, padding, padding, padding, Rounding::floor};
}

const std::vector<std::pair<Convolution, Layout>>& cases() {
  static const std::vector<std::pair<Convolution, Layout>> all{
      {depthwiseOf(square(3, 1, 1), {6, 7, 16}, Kind::prelu, false, 1, 2), {}},
      {depthwiseOf(square(3, 2, 1), {9, 10, 24}, Kind::relu6, true), {32, 8, 32}},
      {depthwiseOf(square(3, 1, 0), {5, 9, 12}, Kind::relu), {16, 0, 16}},
      {depthwiseOf({3, 3, 2, 2, 0, 0, 1, 1, Rounding::floor}, {8, 8, 8}, Kind::none), {}},
      {depthwiseOf({7, 6, 1, 1, 0, 0, 0, 0, Rounding::floor}, {7, 6, 40}, Kind::none, false, 1, 3), {}},
      {depthwiseOf({2, 5, 1, 3, 1, 2, 0, 1, Rounding::floor}, {5, 11, 8}, Kind::relu), {16, 8, 0}},
      {depthwiseOf(square(3, 1, 1), {4, 5, 5}, Kind::prelu, true), {}},
      {depthwiseOf(square(3, 2, 1), {5, 5, 16}, Kind::relu), {17, 3, 19}},
      {depthwiseOf(square(3, 1, 1), {4, 4, 6}, Kind::relu, false, 3, 2), {8, 0, 24}},
      {depthwiseOf({3, 3, 1, 1, 2, 2, 2, 2, Rounding::floor, 2, 2}, {6, 9, 16}, Kind::relu), {}},
      {depthwiseOf({3, 3, 2, 2, 1, 2, 3, 0, Rounding::floor, 3, 1}, {9, 8, 12}, Kind::none), {17, 3, 19}},
  };
  return all;
}

template <class T, class Out>
void checkAll() {
  for (const auto& [convolution, layout] : cases()) check<T, Out>(convolution, layout);
}

TEST("depthwise convolutions of fp32 images, in every order") {
  inEveryOrder(checkAll<float, float>);
}
TEST("depthwise convolutions of bf16 images, in every order") {
  inEveryOrder(checkAll<bf16, bf16>);
}
TEST("depthwise convolutions of f16 images, in every order") {
  inEveryOrder(checkAll<f16, f16>);
}
TEST("depthwise convolutions from and to fp32 in networks of bf16 and f16") {
  checkAll<float, bf16>();
  checkAll<bf16, float>();
  checkAll<f16, float>();
}

// Four pixels of a row share what their windows see of it; rows are read by each window that they are in.
TEST("depthwise 3x3 convolutions read each row's pixels once for four outputs") {
  for (const int64_t stride : {1, 2}) {
    const Convolution c = depthwiseOf(square(3, stride, 0),
                                      {8 * stride + 3 - stride, 16 * stride + 3 - stride, 64}, Kind::none);
    const Counters n = count([&] { runKernel<bf16, bf16>(c, valuesOf(c, false), {}); });
    const Shape out = c.outShape();
    expect(out.height == 8 && out.width == 16, toString(out));
    const int64_t runs = 8 * 16 / 4, pixels = runs * 3 * (3 * stride + 3), taps = runs * 9;
    const int64_t bias = runs * 64 * 4, implied = (pixels + taps) * 64 * 2 + bias;
    expect(n.globalBytesRead == implied, n.globalBytesRead, " bytes, not ", implied);
    expect(n.globalBytesWritten == 8 * 16 * 64 * 2, n.globalBytesWritten, " bytes written");
    // The few values of the bias lie 32 bytes apart in a warp.
    expect(n.globalSectors <= 1.03 * static_cast<double>(n.globalSectorsIdeal), n.globalSectors,
           " sectors, not ", n.globalSectorsIdeal);
  }
}

TEST("the kernel of a depthwise convolution follows its window and where its input lies") {
  const auto way = [](const Window& window, int64_t channels, int64_t stride, int64_t out) {
    const View x{nullptr, DType::bf16, 1, {8, 8, channels}, stride},
        y{nullptr, DType::bf16, 1, {8, 8, out}, out};
    return facenet::cuda::describeDepthwise(window, x, y);
  };
  expect(way(square(3, 1, 1), 12, 16, 12) == "depthwise 3x3", "3x3");
  expect(way(square(3, 2, 1), 16, 16, 16) == "depthwise 3x3/2", "3x3/2");
  expect(way({3, 3, 1, 1, 2, 2, 2, 2, Rounding::floor, 2, 2}, 16, 16, 16) == "depthwise, any window",
         "dilated");
  expect(way(square(5, 1, 1), 16, 16, 16) == "depthwise, any window", "5x5");
  expect(way(square(3, 1, 1), 12, 12, 12) == "depthwise, by numbers", "12 numbers apart");
  expect(way(square(3, 1, 1), 16, 16, 32) == "depthwise, by numbers", "two output channels an input channel");
}

}  // namespace
}  // namespace emulator::tests
