#include "cuda/conv2d/forward/stem.cuh"

#include <optional>

#include "convolution.h"

namespace emulator::tests {
namespace {

using facenet::bf16;
using facenet::DType;
using facenet::f16;
using facenet::Preprocess;
using facenet::Rounding;
using facenet::Shape;
using facenet::View;
using facenet::Window;
using facenet::cuda::StemCall;
using facenet::cuda::StemLayout;
using Kind = facenet::Activation::Kind;

constexpr float kUntouched = 77;
constexpr int kMultiprocessors = 1;  // a block has several tiles

struct Case {
  Convolution convolution;  // of the network's channels
  std::optional<Preprocess> preprocess;
  int64_t xStride = 0, yPadding = 0;  // where x is of a floating type; 0: dense
};

// The image as it lies in memory, and the values that the convolution sees.
template <class X>
struct Image {
  std::vector<X> memory;
  std::vector<float> values;
};

Image<uint8_t> bytesOf(const Case& c, DType weightType) {
  const Convolution& conv = c.convolution;
  const Preprocess& p = *c.preprocess;
  Image<uint8_t> image;
  for (const float value : randomValues(static_cast<size_t>(conv.count * conv.in.pixels() * 3), 3, 0, 256))
    image.memory.push_back(static_cast<uint8_t>(value));
  for (int64_t pixel = 0; pixel < conv.count * conv.in.pixels(); ++pixel)
    for (size_t k = 0; k < static_cast<size_t>(conv.in.channels); ++k) {
      const uint8_t* rgb = &image.memory[static_cast<size_t>(pixel * 3)];
      const float value = p.grey ? 0.299f * static_cast<float>(rgb[0]) + 0.587f * static_cast<float>(rgb[1]) +
                                       0.114f * static_cast<float>(rgb[2])
                                 : static_cast<float>(rgb[p.order[k]]);
      image.values.push_back(stored((value - p.mean[k]) * p.scale[k], weightType));
    }
  return image;
}

template <class X>
Image<X> numbersOf(const Case& c, const ConvolutionValues& v, DType weightType) {
  const int64_t channels = c.convolution.in.channels;
  Image<X> image{strided<X>(v.x, channels, c.xStride ? c.xStride : channels), {}};
  for (const float value : v.x) image.values.push_back(stored(stored(value, dtypeOf<X>()), weightType));
  return image;
}

// T: the weights' type. X: the image's. Out: the results'.
template <class T, class X, class Out>
std::vector<float> runKernel(const Case& c, const ConvolutionValues& v, const std::vector<X>& memory) {
  const Convolution& conv = c.convolution;
  const Shape out = conv.outShape();
  const int64_t columns = (out.channels + 7) / 8 * 8, pixels = conv.count * out.pixels();
  const int64_t stride = out.channels + c.yPadding, channels = conv.in.channels;
  const StemLayout layout(conv.window, channels, columns, dtypeOf<T>());
  std::vector<T> weight(static_cast<size_t>(layout.size()));
  const int64_t places = conv.window.kernelWidth * channels;
  for (int64_t o = 0; o < out.channels; ++o)
    for (int64_t i = 0; i < conv.taps() * channels; ++i)
      weight[static_cast<size_t>(layout.index(o, i / places, i % places))] =
          facenet::fromFloat<T>(v.weight[static_cast<size_t>(o * conv.taps() * channels + i)]);
  std::vector<float> bias(v.bias), slope(v.slope);
  bias.resize(static_cast<size_t>(columns));
  slope.resize(static_cast<size_t>(columns));
  const auto xs = onDevice(memory);
  const auto weights = onDevice(weight);
  const auto biases = onDevice(bias), slopes = onDevice(slope);
  const auto ys =
      onDevice(std::vector<Out>(static_cast<size_t>(pixels * stride), facenet::fromFloat<Out>(kUntouched)));
  const auto residual =
      onDevice(conv.residual ? strided<Out>(v.residual, out.channels, out.channels) : std::vector<Out>(1));

  StemCall call;
  call.window = conv.window;
  if constexpr (sizeof(X) == 1) {
    call.preprocess = c.preprocess;
    call.x = {xs.data(), DType::u8, conv.count, {conv.in.height, conv.in.width, 3}, 3};
  } else {
    call.x = {xs.data(), dtypeOf<X>(), conv.count, conv.in, c.xStride ? c.xStride : channels};
  }
  call.weight = weights.data();
  call.weightType = dtypeOf<T>();
  call.columns = columns;
  call.bias = biases.data();
  call.slope = slopes.data();
  call.to = {{{ys.data(), dtypeOf<Out>(), conv.count, out, stride}, 0, conv.activation}};
  if (conv.residual) call.residual = {residual.data(), dtypeOf<Out>(), conv.count, out, out.channels};
  facenet::cuda::stem(call, kMultiprocessors, nullptr);

  std::vector<float> found;
  const auto y = onHost(ys);
  for (int64_t i = 0; i < pixels * stride; ++i) {
    const float value = facenet::toFloat(y[static_cast<size_t>(i)]);
    if (i % stride < out.channels)
      found.push_back(value);
    else
      expect(value == kUntouched, "channel ", i % stride, " beyond the result was written");
  }
  return found;
}

template <class T, class X, class Out>
void check(const Case& c) {
  ConvolutionValues v = valuesOf(c.convolution, false);
  for (float& value : v.weight) value = stored(value, dtypeOf<T>());
  for (float& value : v.residual) value = stored(value, dtypeOf<Out>());
  Image<X> image;
  if constexpr (sizeof(X) == 1)
    image = bytesOf(c, dtypeOf<T>());
  else
    image = numbersOf<X>(c, v, dtypeOf<T>());
  v.x = image.values;
  expectPrecise(c.convolution, v, dtypeOf<Out>(), runKernel<T, X, Out>(c, v, image.memory));
}

Window square(int64_t kernel, int64_t stride, int64_t padding) {
  return {kernel, kernel, stride, stride, padding, padding, padding, padding, Rounding::floor};
}

Preprocess colors(std::array<int, 3> order) {
  return {.order = order, .mean = {103.9f, 116.8f, 123.7f}, .scale = {1 / 64.f, 1 / 100.f, 1 / 256.f}};
}
Preprocess grey() {
  return {.grey = true, .mean = {127.5f, 0, 0}, .scale = {1 / 128.f, 1, 1}};
}

// The windows of the networks, and others; images that no tile fits.
const std::vector<Case>& imageCases() {
  static const std::vector<Case> all{
      {{square(7, 2, 3), {37, 41, 3}, {64}, Kind::relu, false, 1, 2}, colors({0, 1, 2})},
      {{square(3, 2, 1), {20, 23, 3}, {20}, Kind::prelu}, colors({2, 1, 0}), 0, 4},
      {{square(3, 1, 0), {24, 22, 3}, {10}, Kind::prelu}, colors({0, 1, 2}), 0, 6},
      {{square(3, 1, 1), {9, 35, 1}, {72}, Kind::relu6, true}, grey()},
      {{{5, 4, 3, 4, 1, 0, 2, 3, Rounding::floor}, {21, 40, 3}, {33}, Kind::none}, colors({2, 1, 0}), 0, 7},
      {{square(1, 1, 0), {5, 5, 3}, {8}, Kind::none, false, 1, 3}, colors({0, 1, 2})},
  };
  return all;
}
const std::vector<Case>& floatCases() {
  static const std::vector<Case> all{
      {{square(3, 2, 0), {19, 37, 3}, {32}, Kind::relu}, {}, 8},
      {{square(5, 1, 2), {9, 18, 4}, {12}, Kind::none}, {}, 8, 4},
      {{square(3, 1, 1), {10, 17, 2}, {70}, Kind::prelu, true, 1, 2}, {}},
      {{square(4, 2, 1), {18, 20, 1}, {8}, Kind::relu6}, {}, 5, 3},
  };
  return all;
}

template <class T>
void checkImages() {
  for (const Case& c : imageCases()) check<T, uint8_t, T>(c);
}
template <class T>
void checkFloats() {
  for (const Case& c : floatCases()) {
    check<T, T, T>(c);
    check<T, float, T>(c);
  }
}

TEST("stems of uint8 images in fp32, in every order") {
  inEveryOrder(checkImages<float>);
}
TEST("stems of uint8 images in bf16, in every order") {
  inEveryOrder(checkImages<bf16>);
}
TEST("stems of uint8 images in f16, in every order") {
  inEveryOrder(checkImages<f16>);
}
TEST("stems of few channels in fp32, bf16 and f16") {
  checkFloats<float>();
  checkFloats<bf16>();
  checkFloats<f16>();
  for (const Case& c : floatCases()) check<bf16, bf16, float>(c);
}

// Whole numbers, and a scale that keeps them whole: nothing is rounded but the results.
TEST("stems of whole numbers are exact") {
  for (Case c : imageCases()) {
    if (c.preprocess->grey) continue;
    c.preprocess->mean = {128, 130, 126};
    c.preprocess->scale = {1, 1, 1};
    ConvolutionValues v = valuesOf(c.convolution, true);
    const Image<uint8_t> image = bytesOf(c, DType::f16);
    v.x = image.values;
    const auto exact = plainLoop<double>(c.convolution, v);
    const auto fp32 = runKernel<float, uint8_t, float>(c, v, image.memory);
    const auto half = runKernel<f16, uint8_t, float>(c, v, image.memory);
    for (size_t i = 0; i < exact.size(); ++i)
      expect(fp32[i] == exact[i] && half[i] == exact[i], "value ", i, ": ", fp32[i], ", ", half[i], ", not ",
             exact[i]);
  }
}

// What the image has beyond a window does not reach it, even where its numbers are not finite.
TEST("an infinite number reaches only the windows that see it") {
  Case c{{square(3, 2, 0), {9, 33, 3}, {8}, Kind::none}, {}};
  ConvolutionValues v = valuesOf(c.convolution, true);
  const int64_t column = 15;
  for (int64_t y = 0; y < 9; ++y) v.x[static_cast<size_t>((y * 33 + column) * 3)] = INFINITY;
  for (float& weight : v.weight) weight = 1;
  const auto found = runKernel<bf16, float, float>(c, v, numbersOf<float>(c, v, DType::bf16).memory);
  for (size_t i = 0; i < found.size(); ++i) {
    const int64_t x = static_cast<int64_t>(i) / 8 % 16;
    const bool sees = 2 * x <= column && column < 2 * x + 3;
    expect(std::isfinite(found[i]) != sees, "pixel ", x, " is ", found[i]);
  }
}

// native/graph/fuse_stem.cc: windows up to 7x7, strides up to 4. The least that a block can have is 99 KiB, on sm_86.
TEST("what the planner fuses into a stem fits the shared memory of every device") {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const int64_t columns : {32, 64, 256}) {
      const int64_t bytes = facenet::cuda::stemSharedBytes(square(7, 4, 3), 3, columns, dtype);
      expect(bytes <= 99 * 1024, bytes, " bytes");
    }
}

// Blocks read all weights once, and for each tile the image that it sees, a byte per number.
template <class T>
void checkCounts(const Window& window, int rows, int64_t terms) {
  const Convolution conv{window, {64, 64, 3}, {64}};
  const Case c{conv, colors({0, 1, 2})};
  const ConvolutionValues v = valuesOf(conv, false);
  const auto image = bytesOf(c, dtypeOf<T>());
  const Counters n = count([&] { runKernel<T, uint8_t, T>(c, v, image.memory); });
  const Shape out = conv.outShape();
  const int64_t down = (out.height + rows - 1) / rows, across = (out.width + 15) / 16, tiles = down * across;
  const int64_t blocks = std::min<int64_t>(tiles, 4 * kMultiprocessors), size = sizeof(T);
  const int64_t seen = ((rows - 1) * window.strideHeight + window.kernelHeight) *
                       (15 * window.strideWidth + window.kernelWidth) * 3;
  const int64_t bias = tiles * 128 * 8 * 4 * (size == 4 ? 1 : 2);
  const int64_t implied = tiles * seen + blocks * 64 * terms * size + bias;
  expect(n.globalBytesRead > 0.8 * static_cast<double>(implied) &&
             n.globalBytesRead <= 1.15 * static_cast<double>(implied),
         n.globalBytesRead, " bytes, not ", implied);
  expect(n.globalBytesWritten == out.elements() * size, n.globalBytesWritten, " bytes written");
  if (size == 2) expect(n.mma == tiles * rows * ((terms + 15) / 16) * 8, n.mma, " mma");
  expect(n.sharedPhases == n.sharedPhasesIdeal, n.sharedPhases, " phases, not ", n.sharedPhasesIdeal);
}

TEST("stems read what their tiling implies, without bank conflicts") {
  checkCounts<bf16>(square(7, 2, 3), 8, 7 * 24);
  checkCounts<bf16>(square(3, 2, 1), 8, 3 * 16);
  checkCounts<bf16>(square(3, 1, 0), 8, 3 * 16);
  checkCounts<float>(square(7, 2, 3), 8, 7 * 21);
  checkCounts<float>(square(3, 2, 1), 8, 3 * 9);
}

}  // namespace
}  // namespace emulator::tests
