#include "conv2d_mma.h"
#include "packed_weights.h"
#include "tensor_cores.h"

namespace emulator::tests {
namespace {

using facenet::DType;
using facenet::Shape;
using facenet::View;
using facenet::cuda::ConvCall;
using facenet::cuda::ConvTile;
using Kind = facenet::Activation::Kind;
using Bytes = facenet::cuda::DeviceBuffer<char>;

constexpr float kUntouched = 77;

std::vector<char> encode(const std::vector<float>& values, DType dtype) {
  std::vector<char> bytes(values.size() * facenet::byteSize(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    char* to = bytes.data() + i * facenet::byteSize(dtype);
    const uint16_t half =
        dtype == DType::bf16 ? facenet::toBf16(values[i]).bits : facenet::toF16(values[i]).bits;
    if (dtype == DType::f32)
      std::memcpy(to, &values[i], 4);
    else
      std::memcpy(to, &half, 2);
  }
  return bytes;
}
float decode(const std::vector<char>& bytes, size_t i, DType dtype) {
  float value;
  uint16_t half;
  if (dtype == DType::f32) {
    std::memcpy(&value, bytes.data() + 4 * i, 4);
    return value;
  }
  std::memcpy(&half, bytes.data() + 2 * i, 2);
  return dtype == DType::bf16 ? facenet::toFloat(facenet::bf16{half}) : facenet::toFloat(facenet::f16{half});
}

// Pixels with `before` and `after` channels of others around their own.
std::vector<float> within(const std::vector<float>& values, int64_t channels, int64_t before, int64_t after,
                          float others) {
  const int64_t stride = before + channels + after, pixels = static_cast<int64_t>(values.size()) / channels;
  std::vector<float> result(static_cast<size_t>(pixels * stride), others);
  for (int64_t i = 0; i < pixels * channels; ++i)
    result[static_cast<size_t>(i / channels * stride + before + i % channels)] =
        values[static_cast<size_t>(i)];
  return result;
}

// The plain loop, then maxout and the parts' activations.
template <class Real>
std::vector<Real> expected(Convolution c, const ConvolutionValues& v, const MmaLayout& layout) {
  const std::vector<Kind> kinds =
      layout.activations.empty() ? std::vector(c.parts.size(), c.activation) : layout.activations;
  c.activation = Kind::none;
  const std::vector<Real> sums = plainLoop<Real>(c, v);
  const size_t channels = static_cast<size_t>(c.out() / layout.maxout);
  std::vector<Real> results;
  for (size_t i = 0; i < sums.size(); i += static_cast<size_t>(layout.maxout)) {
    const size_t channel = results.size() % channels;
    size_t part = 0;
    for (int64_t end = c.parts[0] / layout.maxout; static_cast<int64_t>(channel) >= end; end += c.parts[part])
      ++part;
    const auto begin = sums.begin() + static_cast<std::ptrdiff_t>(i);
    const Real value = *std::max_element(begin, begin + layout.maxout);
    const Real slope = kinds[part] == Kind::prelu ? Real{v.slope[channel]} : Real{0};
    const Real bent = kinds[part] == Kind::none || value > 0 ? value : value * slope;
    results.push_back(kinds[part] == Kind::relu6 ? std::min(bent, Real{6}) : bent);
  }
  return results;
}

}  // namespace

MmaLayout MmaLayout::slices(DType dtype, int64_t channels) {
  return {.dtype = dtype,
          .x = dtype,
          .y = dtype,
          .residual = dtype,
          .xPadding = 8 + roundUp(channels, 8) - channels,
          .xOffset = 8,
          .yPadding = 3,
          .yOffset = 16,
          .activations = {}};
}

ConvolutionValues storedValues(const Convolution& c, const MmaLayout& layout) {
  ConvolutionValues v = valuesOf(c, false);
  for (float& value : v.x) value = stored(value, layout.dtype);
  for (float& value : v.weight) value = stored(value, layout.dtype);
  for (float& value : v.residual) value = stored(value, layout.residual);
  return v;
}

std::vector<float> runMma(const Convolution& c, const ConvolutionValues& v, const MmaLayout& layout,
                          const ConvTile& tile) {
  const Shape out = c.outShape();
  const int64_t pixels = c.count * out.pixels();
  const auto bytes = [](DType dtype) { return static_cast<int64_t>(facenet::byteSize(dtype)); };
  const auto x =
      onDevice(encode(within(v.x, c.in.channels, layout.xOffset, layout.xPadding, std::nanf("")), layout.x));
  const PackedWeights packed = packWeights(c, v, 8, layout.maxout);
  const auto weight = onDevice(encode(packed.weight, layout.dtype));
  const auto bias = onDevice(packed.bias), slope = onDevice(packed.slope);
  const int64_t residualChannels = roundUp(out.channels, 8) + 8;
  const auto residual = onDevice(
      encode(c.residual ? within(v.residual, out.channels, 0, residualChannels - out.channels, std::nanf(""))
                        : std::vector<float>(1),
             layout.residual));
  ConvCall call{.window = c.window,
                .x = {x.data() + layout.xOffset * bytes(layout.x), layout.x, c.count, c.in,
                      layout.xOffset + c.in.channels + layout.xPadding},
                .weights = {weight.data(), layout.dtype, packed.columns, packed.tapTerms, packed.rowTerms,
                            bias.data(), slope.data(), c.groups},
                .to = {},
                .residual = {},
                .maxout = layout.maxout};
  std::vector<Bytes> ys;
  for (size_t p = 0; p < c.parts.size(); ++p) {
    const int64_t channels = c.parts[p] / layout.maxout, stride = layout.yOffset + channels + layout.yPadding;
    ys.push_back(
        onDevice(encode(std::vector<float>(static_cast<size_t>(pixels * stride), kUntouched), layout.y)));
    const View y{ys.back().data() + layout.yOffset * bytes(layout.y),
                 layout.y,
                 c.count,
                 {out.height, out.width, channels},
                 stride};
    call.to.push_back(
        {y, packed.firstColumns[p], layout.activations.empty() ? c.activation : layout.activations[p]});
  }
  if (c.residual) call.residual = {residual.data(), layout.residual, c.count, out, residualChannels};
  const Bytes scratch(
      std::max<int64_t>(facenet::cuda::mmaScratchBytes({pixels, packed.columns, packed.rowTerms, c.groups},
                                                       layout.maxout, tile),
                        1));
  call.scratch = scratch.data();
  facenet::cuda::conv2dMma(call, tile, nullptr);

  const int64_t all = out.channels / layout.maxout;
  std::vector<float> found(static_cast<size_t>(pixels * all));
  int64_t first = 0;
  for (size_t p = 0; p < c.parts.size(); ++p) {
    const std::vector<char> y = onHost(ys[p]);
    const int64_t channels = c.parts[p] / layout.maxout, stride = layout.yOffset + channels + layout.yPadding;
    for (int64_t i = 0; i < pixels * stride; ++i) {
      const float value = decode(y, static_cast<size_t>(i), layout.y);
      const int64_t channel = i % stride - layout.yOffset;
      if (channel >= 0 && channel < channels)
        found[static_cast<size_t>(i / stride * all + first + channel)] = value;
      else
        expect(value == kUntouched, "channel ", channel, " beside part ", p, " was written");
    }
    first += channels;
  }
  return found;
}

void checkMma(const Convolution& c, const MmaLayout& layout, const ConvTile& tile) {
  const ConvolutionValues v = storedValues(c, layout);
  const std::vector<float> found = runMma(c, v, layout, tile);
  const auto oracle = expected<double>(c, v, layout);
  const auto loop = expected<float>(c, v, layout);
  expect(found.size() == oracle.size(), found.size(), " values, not ", oracle.size());
  const double ours = largestError(oracle, [&](size_t i) { return found[i]; });
  const int64_t terms = c.taps() * (c.in.channels / c.groups);
  const double allowed = 2 * largestError(oracle, [&](size_t i) { return stored(loop[i], layout.y); }) +
                         (layout.y == DType::f32 ? cutOff(terms, oracle) : 0);
  expect(ours <= allowed, "error ", ours, " is above ", allowed, " in tile ", tile.rows, "x", tile.columns);
}

const ConvTile& mmaTile(int rows, int columns) {
  for (const auto& shape : facenet::cuda::mmaShapes())
    if (shape.tile.rows == rows && shape.tile.columns == columns) return shape.tile;
  throw std::runtime_error(facenet::text("no tile of ", rows, "x", columns));
}

facenet::Window square(int64_t kernel, int64_t stride, int64_t padding) {
  return {kernel, kernel, stride, stride, padding, padding, padding, padding, facenet::Rounding::floor};
}

}  // namespace emulator::tests
