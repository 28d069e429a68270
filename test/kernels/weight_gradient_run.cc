#include "tensor_cores.h"
#include "weight_gradient.h"

namespace emulator::tests {
namespace {

using facenet::DType;

constexpr float kBefore = 0.75f, kGuard = 77;

struct Values {
  std::vector<float> x, g;
};

// Small integers where `exact`: then all sums are integers that fp32 holds.
Values valuesOf(const Convolution& c, const GradientLayout& layout, bool exact) {
  const auto make = [&](int64_t count, unsigned seed, DType dtype) {
    auto values = randomValues(static_cast<size_t>(count), seed, exact ? -4.f : -1.f, exact ? 4.f : 1.f);
    for (float& value : values) value = exact ? std::round(value) : stored(value, dtype);
    return values;
  };
  // What is multiplied as bf16 holds bf16 numbers, so that the loop has the same operands.
  const bool fp32 = layout.x == DType::f32 && layout.g == DType::f32;
  const DType operands = fp32 ? DType::f32 : DType::bf16;
  return {make(c.count * c.in.elements(), 21, operands),
          make(c.count * c.outShape().elements(), 22, operands)};
}

// O x I/groups x KH x KW sums over pixels in their order.
template <class Real>
std::vector<Real> plainGradient(const Convolution& c, const Values& v) {
  const facenet::Shape out = c.outShape();
  const facenet::Window& w = c.window;
  const int64_t channels = c.in.channels / c.groups, perGroup = out.channels / c.groups;
  std::vector<Real> weight(static_cast<size_t>(out.channels * channels * c.taps()), Real{0});
  for (int64_t pixel = 0; pixel < c.count * out.pixels(); ++pixel) {
    const int64_t image = pixel / out.pixels(), oy = pixel % out.pixels() / out.width, ox = pixel % out.width;
    for (int64_t tap = 0; tap < c.taps(); ++tap) {
      const int64_t row = oy * w.strideHeight - w.padTop + tap / w.kernelWidth * w.dilationHeight;
      const int64_t column = ox * w.strideWidth - w.padLeft + tap % w.kernelWidth * w.dilationWidth;
      if (row < 0 || row >= c.in.height || column < 0 || column >= c.in.width) continue;
      const int64_t from = ((image * c.in.height + row) * c.in.width + column) * c.in.channels;
      for (int64_t o = 0; o < out.channels; ++o)
        for (int64_t i = 0; i < channels; ++i)
          weight[static_cast<size_t>((o * channels + i) * c.taps() + tap)] +=
              Real{v.g[static_cast<size_t>(pixel * out.channels + o)]} *
              Real{v.x[static_cast<size_t>(from + o / perGroup * channels + i)]};
    }
  }
  return weight;
}

// A tensor on the device whose memory ends with its last channel; all that is no channel is NaN.
class Tensor {
 public:
  Tensor(const std::vector<float>& values, DType dtype, int64_t count, const facenet::Shape& shape,
         int64_t stride, int64_t offset)
      : memory_(onDevice(dtype == DType::f32 ? bytes<float>(values, shape.channels, stride, offset)
                                             : bytes<facenet::bf16>(values, shape.channels, stride, offset))),
        view_{memory_.data() + offset * static_cast<int64_t>(byteSize(dtype)), dtype, count, shape, stride} {}

  const facenet::View& view() const { return view_; }

 private:
  template <class T>
  static std::vector<uint8_t> bytes(const std::vector<float>& values, int64_t channels, int64_t stride,
                                    int64_t offset) {
    std::vector<T> numbers = strided<T>(values, channels, stride);
    numbers.insert(numbers.begin(), static_cast<size_t>(offset), facenet::fromFloat<T>(std::nanf("")));
    const auto* first = reinterpret_cast<const uint8_t*>(numbers.data());
    return {first, first + numbers.size() * sizeof(T)};
  }

  facenet::cuda::DeviceBuffer<uint8_t> memory_;
  facenet::View view_;
};

std::vector<float> runGradient(const Convolution& c, const Values& v, const GradientLayout& layout) {
  const facenet::Shape out = c.outShape();
  const auto stride = [](int64_t given, int64_t channels) { return given ? given : (channels + 7) / 8 * 8; };
  const Tensor x(v.x, layout.x, c.count, c.in, stride(layout.xStride, c.in.channels), layout.xOffset);
  const Tensor g(v.g, layout.g, c.count, out, stride(layout.gStride, out.channels), layout.gOffset);
  const int64_t weights = out.channels * c.in.channels / c.groups * c.taps();
  std::vector<float> before(static_cast<size_t>(layout.weightOffset + weights + 1), kBefore);
  std::fill_n(before.begin(), layout.weightOffset, kGuard);
  before.back() = kGuard;
  const auto weight = onDevice(before);
  const DType dtype = layout.x == DType::f32 && layout.g == DType::f32 ? DType::f32 : DType::bf16;
  const facenet::cuda::DeviceBuffer<uint8_t> scratch(std::max<int64_t>(
      facenet::cuda::weightGradientScratch(c.window, c.groups, c.in, out, c.count, dtype), 1));
  facenet::cuda::weightGradient({.window = c.window,
                                 .groups = c.groups,
                                 .x = x.view(),
                                 .g = g.view(),
                                 .weight = weight.data() + layout.weightOffset,
                                 .add = layout.add,
                                 .scratch = scratch.data()},
                                nullptr);
  std::vector<float> found = onHost(weight);
  expect(found.back() == kGuard, "a number behind the weights was written");
  for (int64_t i = 0; i < layout.weightOffset; ++i)
    expect(found[static_cast<size_t>(i)] == kGuard, "a number before the weights was written");
  found.pop_back();
  found.erase(found.begin(), found.begin() + layout.weightOffset);
  return found;
}

}  // namespace

void checkWeightGradient(const Convolution& c, const GradientLayout& layout) {
  const float before = layout.add ? kBefore : 0;
  const Values whole = valuesOf(c, layout, true), values = valuesOf(c, layout, false);
  const auto exact = plainGradient<double>(c, whole);
  const auto found = runGradient(c, whole, layout);
  for (size_t i = 0; i < exact.size(); ++i)
    expect(found[i] == exact[i] + before, "weight ", i, " is ", found[i], ", not ", exact[i] + before);

  std::vector<double> oracle = plainGradient<double>(c, values);
  for (double& value : oracle) value += before;
  const auto loop = plainGradient<float>(c, values);
  const auto rounded = runGradient(c, values, layout);
  const double ours = largestError(oracle, [&](size_t i) { return rounded[i]; });
  const bool onTensorCores = layout.x != DType::f32 || layout.g != DType::f32;
  const double allowed = 2 * largestError(oracle, [&](size_t i) { return loop[i] + before; }) +
                         (onTensorCores ? cutOff(c.count * c.outShape().pixels(), oracle) : 0);
  expect(ours <= allowed, "error ", ours, " is above ", allowed);
}

Counters weightGradientCost(const Convolution& c, const GradientLayout& layout) {
  const Values values = valuesOf(c, layout, true);
  return count([&] { runGradient(c, values, layout); });
}

}  // namespace emulator::tests
