#include "cuda/conv2d/data_gradient/data_gradient.cuh"

#include <numeric>

#include "convolution.h"
#include "native/backends/cuda/conv/data_gradient.h"
#include "views.h"

namespace emulator::tests {
namespace {

using facenet::Rounding;
using facenet::Window;
using facenet::cuda::Device;
using facenet::cuda::DeviceBuffer;
using facenet::cuda::GradientShape;
using facenet::cuda::PixelClass;
using facenet::cuda::pixelClasses;

struct Layer {
  Window window;
  Shape in;
  int64_t out = 8, groups = 1, count = 2;

  Shape outShape() const { return facenet::slidingShape(window, in, out); }
  int64_t weights() const { return out * in.channels / groups * window.kernelHeight * window.kernelWidth; }
};

Window square(int64_t kernel, int64_t stride, int64_t padding) {
  return {kernel, kernel, stride, stride, padding, padding, padding, padding, Rounding::floor};
}

Window dilated(Window window, int64_t down, int64_t across) {
  window.dilationHeight = down, window.dilationWidth = across;
  return window;
}

// The networks' windows on odd sizes and odd channels; then strides above the kernel, padding beyond it, what
// TensorFlow and Torch round to, groups, one group per channel, and dilations with and without a stride's factors.
const std::vector<Layer>& layers() {
  static const std::vector<Layer> all{
      {square(1, 1, 0), {5, 7, 20}, 24},
      {square(3, 1, 1), {6, 5, 19}, 33},
      {square(5, 1, 2), {5, 6, 16}, 9},
      {square(3, 2, 1), {9, 8, 18}, 33},
      {square(3, 2, 0), {9, 7, 10}, 12},
      {square(5, 2, 2), {7, 8, 11}, 8},
      {square(7, 2, 3), {11, 9, 3}, 16},
      {square(1, 2, 0), {5, 6, 16}, 20},
      {{1, 7, 1, 1, 0, 3, 0, 3, Rounding::floor}, {5, 9, 12}, 10},
      {{7, 1, 1, 1, 3, 0, 3, 0, Rounding::floor}, {9, 5, 12}, 10},
      {{7, 7, 2, 2, 2, 2, 3, 3, Rounding::floor}, {12, 10, 3}, 8},
      {{5, 5, 2, 2, 2, 1, 2, 2, Rounding::floor}, {7, 10, 9}, 8},
      {{3, 3, 2, 2, 1, 0, 1, 1, Rounding::floor}, {7, 8, 9}, 8},
      {square(2, 3, 0), {8, 7, 8}, 8},
      {square(1, 1, 1), {4, 5, 8}, 9},
      {square(3, 2, 3), {5, 6, 9}, 8},
      {{3, 3, 2, 2, 0, 0, 1, 1, Rounding::floor}, {8, 8, 8}, 17},
      {{3, 2, 2, 1, 0, 0, 0, 0, Rounding::ceil}, {8, 5, 8}, 9},
      {square(3, 2, 1), {1, 4, 9}, 8},
      {square(3, 1, 1), {5, 6, 16}, 24, 2},
      {square(3, 2, 1), {6, 7, 18}, 12, 3},
      {square(3, 1, 1), {5, 9, 20}, 20, 20},
      {square(3, 2, 1), {7, 9, 20}, 20, 20},
      {{4, 3, 1, 1, 0, 0, 0, 0, Rounding::floor}, {4, 3, 24}, 24, 24},
      {square(3, 1, 1), {5, 4, 7}, 14, 7},
      {dilated(square(3, 1, 2), 2, 2), {7, 6, 10}, 9},
      {dilated(square(3, 2, 1), 3, 2), {9, 10, 11}, 8},
      {dilated(square(2, 1, 4), 2, 3), {4, 5, 8}, 8},
      {dilated({3, 3, 4, 6, 3, 4, 5, 2, Rounding::floor}, 6, 4), {17, 15, 8}, 9},
      {dilated(square(3, 1, 2), 2, 2), {7, 6, 20}, 20, 20},
      {dilated(square(3, 2, 2), 3, 2), {9, 10, 20}, 40, 20},
  };
  return all;
}

// dx[n, y, x, i], summed in Real.
template <class Real>
std::vector<Real> plainGradient(const Layer& layer, const TestView& g, const std::vector<float>& weight) {
  const Window& w = layer.window;
  const Shape &in = layer.in, out = layer.outShape();
  const int64_t groupIn = in.channels / layer.groups, groupOut = out.channels / layer.groups;
  std::vector<Real> dx(static_cast<size_t>(layer.count * in.elements()));
  for (int64_t pixel = 0; pixel < layer.count * out.pixels(); ++pixel) {
    const int64_t n = pixel / out.pixels(), oy = pixel % out.pixels() / out.width, ox = pixel % out.width;
    for (int64_t ky = 0; ky < w.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
        const int64_t y = oy * w.strideHeight + ky * w.dilationHeight - w.padTop;
        const int64_t x = ox * w.strideWidth + kx * w.dilationWidth - w.padLeft;
        if (y < 0 || y >= in.height || x < 0 || x >= in.width) continue;
        for (int64_t o = 0; o < out.channels; ++o)
          for (int64_t i = 0; i < groupIn; ++i)
            dx[static_cast<size_t>(((n * in.height + y) * in.width + x) * in.channels +
                                   o / groupOut * groupIn + i)] +=
                static_cast<Real>(g.at(n, oy, ox, o)) *
                static_cast<Real>(weight[static_cast<size_t>(
                    ((o * groupIn + i) * w.kernelHeight + ky) * w.kernelWidth + kx)]);
      }
  }
  return dx;
}

constexpr float kBefore = 77;  // what TestView::untouched has everywhere

struct Types {
  DType g, dx, weight;
};

void check(const Layer& layer, const Types& types, bool accumulate, int64_t offset, int64_t beside) {
  std::vector<float> weight = randomValues(static_cast<size_t>(layer.weights()), 21);
  for (float& value : weight) value = stored(value, types.weight);
  const Shape out = layer.outShape();
  const auto layout = [&](int64_t channels) { return Layout{(channels + 7) / 8 * 8 + beside, offset}; };
  const TestView g = TestView::random(types.g, layer.count, out, layout(out.channels), 22);
  TestView dx = TestView::untouched(types.dx, layer.count, layer.in, layout(layer.in.channels));
  const auto oracle = plainGradient<double>(layer, g, weight);
  const auto loop = plainGradient<float>(layer, g, weight);

  const Device device{0, "", 8, 0, 0, 2, 164 * 1024};
  const auto gradient = facenet::cuda::makeConvDataGradient(
      GradientShape{layer.window, layer.groups, layer.in, out, types.g, types.weight}, device);
  const auto weights = onDevice(weight);
  const DeviceBuffer<char> packed(gradient->packedBytes()), scratch(gradient->scratchBytes(layer.count) + 1);
  gradient->pack(weights.data(), packed.data(), nullptr);
  gradient->launch({packed.data(), g.view(), dx.view(), accumulate, scratch.data()}, nullptr);

  const double before = accumulate ? kBefore : 0;
  const double allowed = 2 * largestError(oracle, [&](size_t i) {
                           return stored(static_cast<float>(before) + loop[i], types.dx) - before;
                         });
  dx.check(
      facenet::text(layer.window.kernelHeight, "x", layer.window.kernelWidth, "/", layer.window.strideHeight,
                    " on ", toString(layer.in), " by ", gradient->describe()),
      [&](int64_t n, int64_t y, int64_t x, int64_t c) {
        const auto at = ((n * layer.in.height + y) * layer.in.width + x) * layer.in.channels + c;
        return before + oracle[static_cast<size_t>(at)];
      },
      [&](double) { return allowed; });
}

void checkAll(const Types& types) {
  for (const Layer& layer : layers()) {
    check(layer, types, false, 0, 0);
    check(layer, types, true, 8, 16);
    check(layer, types, false, 3, 8);
  }
}

TEST("the data gradient of fp32 convolutions of every kind, in every order") {
  inEveryOrder([] { checkAll({DType::f32, DType::f32, DType::f32}); });
}
TEST("the data gradient of bf16 convolutions of every kind, in every order") {
  inEveryOrder([] { checkAll({DType::bf16, DType::bf16, DType::bf16}); });
}
TEST("the data gradient of the fp32 embeddings of a bf16 network") {
  for (const size_t i : {0u, 3u, 21u, 22u, 24u})
    check(layers()[i], {DType::f32, DType::bf16, DType::bf16}, false, 0, 0);
}

// Tap by tap along one axis: what a window sees of x, its classes have once, and nothing else.
TEST("the classes of pixels share the taps among them") {
  for (const Layer& layer : layers()) {
    const Window& w = layer.window;
    const int64_t outputs = layer.outShape().width;
    std::vector<int> uses(static_cast<size_t>(layer.in.width * w.kernelWidth * outputs));
    const auto use = [&](int64_t pixel, int64_t tap, int64_t output) -> int& {
      return uses[static_cast<size_t>((pixel * w.kernelWidth + tap) * outputs + output)];
    };
    int64_t first = -1;  // classes in one row of classes differ along this axis alone
    for (const PixelClass& each : pixelClasses(w, layer.in, layer.outShape())) {
      expect(slidingShape(each.window, layer.outShape(), 1) == Shape{each.height, each.width, 1},
             "a class of ", each.height, "x", each.width);
      if (first < 0) first = each.index;
      const int64_t step = w.strideWidth / std::gcd(w.strideWidth, w.dilationWidth);
      if (each.index - first >= std::min(w.kernelWidth, step)) continue;
      for (int64_t j = 0; j < each.width; ++j)
        for (int64_t t = 0; t < each.tapsAcross.count; ++t) {
          const int64_t tap = each.tapsAcross.first + t * each.tapsAcross.step,
                        output = j + t * each.window.dilationWidth - each.window.padLeft;
          if (tap < 0 || tap >= w.kernelWidth || output < 0 || output >= outputs) continue;
          const int64_t pixel = output * w.strideWidth + tap * w.dilationWidth - w.padLeft;
          expect(pixel >= 0 && pixel < layer.in.width && pixel / w.strideWidth == j, "pixel ", pixel);
          ++use(pixel, tap, output);
        }
    }
    for (int64_t output = 0; output < outputs; ++output)
      for (int64_t tap = 0; tap < w.kernelWidth; ++tap) {
        const int64_t pixel = output * w.strideWidth + tap * w.dilationWidth - w.padLeft;
        if (pixel < 0 || pixel >= layer.in.width) continue;
        expect(use(pixel, tap, output) == 1, "tap ", tap, " of output ", output, " is used ",
               use(pixel, tap, output), " times");
      }
  }
}

// No pixel of a class pays for the taps of another: what is multiplied is what the forward multiplies.
TEST("the data gradient with stride 2 takes no multiply-adds beyond the forward's") {
  const Layer layer{square(3, 2, 1), {16, 16, 128}, 32, 1, 2};
  const Counters n = count([&] { check(layer, {DType::bf16, DType::bf16, DType::bf16}, false, 0, 0); });
  const int64_t forward = layer.count * layer.outShape().pixels() * 9 * 32 * 128;
  expect(n.multiplyAdds == forward, n.multiplyAdds, " multiply-adds, not ", forward);
  expect(n.sharedPhases <= 1.02 * static_cast<double>(n.sharedPhasesIdeal), n.sharedPhases, " phases, not ",
         n.sharedPhasesIdeal);
}

TEST("classes are read once and dx is written once, in whole sectors") {
  const Window window = square(3, 2, 1);
  const Shape shape{8, 12, 64};
  const int64_t elements = 2 * shape.elements();
  for (const bool accumulate : {false, true}) {
    const DeviceBuffer<facenet::bf16> dx(elements), classes(elements);
    const Counters n = count([&] {
      facenet::cuda::interleaveClasses(
          {window, classes.data(), DType::bf16, 64, {dx.data(), DType::bf16, 2, shape, 64}, accumulate},
          nullptr);
    });
    expect(n.globalBytesRead == (accumulate ? 2 : 1) * 2 * elements, n.globalBytesRead, " bytes read");
    expect(n.globalBytesWritten == 2 * elements, n.globalBytesWritten, " bytes written");
    expect(n.globalSectors == n.globalSectorsIdeal, n.globalSectors, " sectors");
  }
}

TEST("a depthwise gradient reads the outputs that its pixels reach, in whole sectors") {
  const Window window = square(3, 2, 1);
  const Shape in{8, 8, 64}, out{4, 4, 64};
  const DeviceBuffer<facenet::bf16> g(out.elements()), dx(in.elements()), weight(9 * 64);
  const Counters n = count([&] {
    facenet::cuda::depthwiseGradient({window,
                                      weight.data(),
                                      64,
                                      {g.data(), DType::bf16, 1, out, 64},
                                      {dx.data(), DType::bf16, 1, in, 64},
                                      false},
                                     nullptr);
  });
  const int64_t taps = (4 * 3 - 1) * (4 * 3 - 1);  // along each axis one of 12 lies in the padding
  expect(n.globalBytesRead == 2 * taps * 64 * 2, n.globalBytesRead, " bytes read");
  expect(n.globalBytesWritten == in.elements() * 2, n.globalBytesWritten, " bytes written");
  expect(n.globalSectors == n.globalSectorsIdeal, n.globalSectors, " sectors");
}

}  // namespace
}  // namespace emulator::tests
