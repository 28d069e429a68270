// Whether this oneDNN computes convolutions in bf16 as they are defined. Some releases leave products out where channels do not fill
// whole vectors: 3.7.2 does, 2.6.3 and 3.12.1 do not. So the first use computes a few small ones, whose sums are whole numbers that
// every order of adding gives exactly.
#include <vector>

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/onednn.h"

namespace facenet::cpu {
namespace {

struct Probe {
  int64_t in, out, groups;
  Window window;
};

constexpr int64_t kSide = 7;

// Whole numbers from -3 to 3.
std::vector<float> wholeNumbers(int64_t count, int64_t step) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i * step % 7 - 3));
  return values;
}

// As its definition reads: x is channels-last, w output channels first.
float sumAt(const Probe& probe, const std::vector<float>& x, const std::vector<float>& w, int64_t row,
            int64_t column, int64_t channel) {
  const Window& window = probe.window;
  const int64_t groupIn = probe.in / probe.groups, group = channel / (probe.out / probe.groups);
  float sum = 0;
  for (int64_t r = 0; r < window.kernelHeight; ++r)
    for (int64_t c = 0; c < window.kernelWidth; ++c) {
      const int64_t y = row * window.strideHeight + r * window.dilationHeight - window.padTop;
      const int64_t z = column * window.strideWidth + c * window.dilationWidth - window.padLeft;
      if (y < 0 || y >= kSide || z < 0 || z >= kSide) continue;
      for (int64_t i = 0; i < groupIn; ++i)
        sum += x[static_cast<size_t>((y * kSide + z) * probe.in + group * groupIn + i)] *
               w[static_cast<size_t>(
                   ((channel * groupIn + i) * window.kernelHeight + r) * window.kernelWidth + c)];
    }
  return sum;
}

// A copy in another type or layout.
memory reordered(const memory::desc& from, std::vector<float>& values, const memory::desc& to,
                 dnnl::stream& stream) {
  memory source(from, engine(), values.data()), target(to, engine());
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
  return target;
}

bool isRight(const Probe& probe) {
  [[maybe_unused]] const OneThread guard;
  const Window& w = probe.window;
  const Shape in{kSide, kSide, probe.in};
  const Shape out{(kSide + w.padTop + w.padBottom - w.extentHeight()) / w.strideHeight + 1,
                  (kSide + w.padLeft + w.padRight - w.extentWidth()) / w.strideWidth + 1, probe.out};
  const int64_t groupIn = probe.in / probe.groups;
  const memory::dims dims =
      probe.groups > 1
          ? memory::dims{probe.groups, probe.out / probe.groups, groupIn, w.kernelHeight, w.kernelWidth}
          : memory::dims{probe.out, groupIn, w.kernelHeight, w.kernelWidth};
  const auto tag = probe.groups > 1 ? memory::format_tag::goihw : memory::format_tag::oihw;
  const memory::desc any(dims, memory::data_type::bf16, memory::format_tag::any);
  const memory::desc plainWeights(dims, memory::data_type::f32, tag);
  const memory::desc bias({probe.out}, memory::data_type::f32, memory::format_tag::a);
  const auto descriptor =
      describeForward(dnnl::prop_kind::forward_inference, channelsLast(1, in, DType::bf16), any, bias,
                      channelsLast(1, out, DType::f32), w, attributesFor(Activation::Kind::none));
  if (isPlain(descriptor)) return true;  // never used

  std::vector<float> x = wholeNumbers(in.elements(), 31);
  std::vector<float> weights = wholeNumbers(probe.out * groupIn * w.kernelHeight * w.kernelWidth, 17);
  std::vector<float> zeros(static_cast<size_t>(probe.out)), found(static_cast<size_t>(out.elements()));
  dnnl::stream stream(engine());
  const memory source =
      reordered(channelsLast(1, in, DType::f32), x, channelsLast(1, in, DType::bf16), stream);
  const memory packed = reordered(plainWeights, weights, descriptor.weights_desc(), stream);
  dnnl::convolution_forward(descriptor)
      .execute(stream, {{DNNL_ARG_SRC, source},
                        {DNNL_ARG_WEIGHTS, packed},
                        {DNNL_ARG_BIAS, memory(bias, engine(), zeros.data())},
                        {DNNL_ARG_DST, memory(channelsLast(1, out, DType::f32), engine(), found.data())},
                        {DNNL_ARG_SCRATCHPAD, memory(descriptor.scratchpad_desc(), engine())}});
  stream.wait();
  for (int64_t i = 0; i < out.elements(); ++i) {
    const int64_t pixel = i / out.channels;
    if (found[static_cast<size_t>(i)] !=
        sumAt(probe, x, weights, pixel / out.width, pixel % out.width, i % out.channels))
      return false;
  }
  return true;
}

constexpr Window around(int64_t kernel) {
  const int64_t pad = kernel / 2;
  return {.kernelHeight = kernel,
          .kernelWidth = kernel,
          .padTop = pad,
          .padLeft = pad,
          .padBottom = pad,
          .padRight = pad};
}

bool allRight() {
  Window strided = around(3), dilated = around(3),
         flat{.kernelHeight = 1, .kernelWidth = 7, .padLeft = 3, .padRight = 3};
  strided.strideHeight = strided.strideWidth = 2;
  dilated.dilationHeight = dilated.dilationWidth = 2;
  const Probe probes[] = {{5, 6, 1, around(3)}, {5, 6, 1, strided},     {5, 6, 1, dilated},
                          {5, 6, 1, flat},      {8, 12, 4, around(3)},  {24, 40, 1, around(3)},
                          {24, 40, 1, {}},      {16, 32, 1, around(3)}, {3, 32, 1, strided}};
  for (const Probe& probe : probes)
    if (!isRight(probe)) return false;
  return true;
}

}  // namespace

bool oneDnnIsRight() {
  static const bool right = allRight();
  return right;
}

}  // namespace facenet::cpu
