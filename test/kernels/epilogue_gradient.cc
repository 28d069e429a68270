// The backward of a product's end against its formula, in every layout, and what it costs.
#include "cuda/conv2d/data_gradient/epilogue_gradient.cuh"

#include <algorithm>
#include <cmath>

#include "cuda/elementwise.cuh"
#include "views.h"

namespace emulator::tests {
namespace {

using Kind = facenet::Activation::Kind;
using facenet::cuda::epilogueGradientScratch;

struct End {
  Kind activation = Kind::relu;
  float factor = 1;
  bool residual = false, accumulate = false, bias = true;
};

// A view that starts with the values of another; its neighbours must not be written.
TestView copyOf(const TestView& from, Layout layout) {
  const View& view = from.view();
  TestView to = TestView::untouched(view.dtype, view.count, view.shape, layout);
  facenet::cuda::copyChannels(view, to.view(), nullptr);
  return to;
}

std::vector<float> before(int64_t channels) {
  return randomValues(static_cast<size_t>(channels) + 1, 9);
}

// Bias gradients: at most twice as far from the fp64 sum of g as a plain fp32 loop, and four units in the
// last place of that loop's largest sum where it happens to be nearly exact.
void checkBias(const std::vector<float>& found, const TestView& y,
               const std::function<double(int64_t, int64_t, int64_t, int64_t)>& g) {
  const View& view = y.view();
  const auto first = before(view.shape.channels);
  expect(found.back() == first.back(), "a number behind the biases was written");
  double ours = 0, loops = 0, largest = 0;
  for (int64_t c = 0; c < view.shape.channels; ++c) {
    const float start = first[static_cast<size_t>(c)];
    double oracle = start;
    float loop = 0;
    for (int64_t n = 0; n < view.count; ++n)
      for (int64_t row = 0; row < view.shape.height; ++row)
        for (int64_t x = 0; x < view.shape.width; ++x) {
          oracle += g(n, row, x, c);
          loop += static_cast<float>(g(n, row, x, c));
          largest = std::max(largest, std::abs(double{loop}));
        }
    ours = std::max(ours, std::abs(found[static_cast<size_t>(c)] - oracle));
    loops = std::max(loops, std::abs(loop + start - oracle));
  }
  expect(ours <= 2 * loops + 4 * largest * 0x1p-23, "bias: error ", ours, ", a loop has ", loops);
}

void check(const End& end, DType dtype, DType residualType, const Shape& shape, int64_t count, Layout from,
           Layout to) {
  // Values of exactly 0 and 6 are among those of y.
  const TestView drawn = TestView::random(dtype, count, shape, {shape.channels}, 1, -4, 10);
  TestView y = TestView::untouched(dtype, count, shape, from);
  facenet::cuda::activation(Kind::relu6, nullptr, drawn.view(), y.view(), nullptr);
  const auto yAt = [&](int64_t n, int64_t row, int64_t x, int64_t c) {
    return std::clamp(drawn.at(n, row, x, c), 0.0, 6.0);
  };
  const TestView given = TestView::random(dtype, count, shape, {shape.channels}, 2);
  TestView dy = copyOf(given, to);
  const TestView held = TestView::random(residualType, count, shape, {shape.channels}, 3);
  TestView residual = copyOf(held, from);
  const auto bias = onDevice(before(shape.channels));
  const facenet::cuda::DeviceBuffer<uint8_t> scratch(epilogueGradientScratch(shape, count));
  facenet::cuda::epilogueGradient({.y = end.activation == Kind::none ? View{} : y.view(),
                                   .dy = dy.view(),
                                   .activation = end.activation,
                                   .factor = end.factor,
                                   .residual = end.residual ? residual.view() : View{},
                                   .accumulateResidual = end.accumulate,
                                   .bias = end.bias ? bias.data() : nullptr,
                                   .scratch = end.bias ? scratch.data() : nullptr},
                                  nullptr);

  const auto through = [&](int64_t n, int64_t row, int64_t x, int64_t c) {
    const double value = yAt(n, row, x, c);
    const bool passes =
        end.activation == Kind::none || (value > 0 && (end.activation == Kind::relu || value < 6));
    return passes ? given.at(n, row, x, c) : 0.0;
  };
  dy.check(
      "dy", [&](auto... at) { return end.factor * through(at...); },
      [&](double expected) { return std::abs(expected) * rounding(dtype); });
  if (end.residual)
    residual.check(
        "residual", [&](auto... at) { return through(at...) + (end.accumulate ? held.at(at...) : 0.0); },
        [&](double expected) { return std::abs(expected) * (rounding(residualType) + 0x1p-23); });
  if (end.bias) checkBias(onHost(bias), dy, [&](auto... at) { return dy.at(at...); });
}

const std::vector<End>& ends() {
  static const std::vector<End> all{
      {},
      {.activation = Kind::relu6, .residual = true},
      {.activation = Kind::none},
      {.activation = Kind::none, .factor = 0.17f, .residual = true, .accumulate = true},
      {.activation = Kind::relu, .factor = -2, .residual = true, .bias = false},
      {.activation = Kind::none, .residual = true, .bias = false},
  };
  return all;
}

TEST("the end of a product backward, in every layout and order") {
  inEveryOrder([] {
    for (const DType dtype : {DType::f32, DType::bf16})
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        for (const End& end : ends()) check(end, dtype, dtype, {5, 7, channels}, 3, from, to);
      });
  });
}

TEST("the end of a product backward where the residual is bf16 and the result fp32") {
  forLayouts([&](int64_t channels, Layout from, Layout to) {
    for (const End& end : ends()) check(end, DType::f32, DType::bf16, {3, 4, channels}, 2, from, to);
  });
}

TEST("bias gradients of many pixels and many channels, added in splits") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    check({}, dtype, dtype, {31, 17, 16}, 3, {16}, {16});
    check({}, dtype, dtype, {2, 3, 2100}, 2, {2104}, {2104});
  }
}

TEST("the end of a product without anything to do launches nothing") {
  const TestView dy = TestView::untouched(DType::bf16, 2, {3, 3, 8}, {8});
  const Counters n =
      count([&] { facenet::cuda::epilogueGradient({.y = {}, .dy = dy.view(), .residual = {}}, nullptr); });
  expect(n.globalBytesRead == 0 && n.globalBytesWritten == 0, n.globalBytesRead, " bytes read");
}

TEST("the end of a product backward reads y and dy once and writes dy once") {
  const Shape shape{24, 16, 64};
  const int64_t elements = 2 * shape.elements();
  const TestView y = TestView::random(DType::bf16, 2, shape, {64}, 1);
  const TestView dy = TestView::random(DType::bf16, 2, shape, {64}, 2);
  const auto bias = onDevice(std::vector<float>(64));
  const facenet::cuda::DeviceBuffer<uint8_t> scratch(epilogueGradientScratch(shape, 2));
  const Counters n = count([&] {
    facenet::cuda::epilogueGradient({.y = y.view(),
                                     .dy = dy.view(),
                                     .activation = Kind::relu,
                                     .residual = {},
                                     .bias = bias.data(),
                                     .scratch = scratch.data()},
                                    nullptr);
  });
  const double read = static_cast<double>(n.globalBytesRead) / static_cast<double>(2 * elements * 2);
  const double written = static_cast<double>(n.globalBytesWritten) / static_cast<double>(elements * 2);
  expect(read >= 1 && read <= 1.02, "read ", read);
  expect(written >= 1 && written <= 1.02, "written ", written);
  expect(n.sharedPhases == n.sharedPhasesIdeal, n.sharedPhases, " phases, not ", n.sharedPhasesIdeal);
  expect(static_cast<double>(n.globalSectors) <= 1.02 * static_cast<double>(n.globalSectorsIdeal),
         n.globalSectors, " sectors, not ", n.globalSectorsIdeal);
}

}  // namespace
}  // namespace emulator::tests
