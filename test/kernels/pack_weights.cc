#include "cuda/conv2d/common/pack_weights.cuh"

#include <cstring>

#include "convolution.h"
#include "native/core/integers.h"

namespace emulator::tests {
namespace {

using facenet::bf16;
using facenet::DType;
using facenet::cuda::packBias;
using facenet::cuda::PackCall;
using facenet::cuda::packWeights;
using Bytes = facenet::cuda::DeviceBuffer<char>;

struct Layer {
  int64_t out, in, kernelHeight, kernelWidth, groups = 1;
  float factor = 1;

  int64_t taps() const { return kernelHeight * kernelWidth; }
  int64_t elements() const { return out * in / groups * taps(); }
};

// Odd channels, tiles that hang over every edge, more taps than a tile has, groups.
const std::vector<Layer>& layers() {
  static const std::vector<Layer> all{{24, 40, 1, 1},    {37, 65, 1, 1, 1, 0.17f}, {33, 18, 3, 3},
                                      {70, 35, 1, 7},    {64, 3, 7, 7, 1, 0.3f},   {10, 6, 9, 9, 1, 2},
                                      {24, 16, 3, 3, 2}, {30, 70, 2, 2, 5}};
  return all;
}

// What packing gives, by a plain loop.
struct Packed {
  DType dtype = DType::f32;
  int64_t columns = 0, tapTerms = 0;
  std::vector<char> weight;
  std::vector<float> bias;
};
void store(float value, DType dtype, char* to) {
  if (dtype == DType::f32) {
    std::memcpy(to, &value, sizeof value);
  } else {
    const uint16_t bits = dtype == DType::bf16 ? facenet::toBf16(value).bits : facenet::toF16(value).bits;
    std::memcpy(to, &bits, sizeof bits);
  }
}
Packed packedOnHost(const Layer& layer, DType dtype, const std::vector<float>& weight,
                    const std::vector<float>& bias) {
  const int64_t size = static_cast<int64_t>(facenet::byteSize(dtype)), channels = layer.in / layer.groups;
  const int64_t rows = layer.out / layer.groups, taps = layer.taps();
  Packed packed{dtype,
                facenet::roundUp(rows, facenet::cuda::kColumnAlignment),
                facenet::roundUp(channels, 16 / size),
                {},
                {}};
  packed.weight.resize(static_cast<size_t>(layer.groups * packed.columns * taps * packed.tapTerms * size));
  packed.bias.resize(static_cast<size_t>(layer.groups * packed.columns));
  for (int64_t o = 0; o < layer.out; ++o) {
    const int64_t row = o / rows * packed.columns + o % rows;
    packed.bias[static_cast<size_t>(row)] = bias[static_cast<size_t>(o)] * layer.factor;
    for (int64_t i = 0; i < channels; ++i)
      for (int64_t tap = 0; tap < taps; ++tap)
        store(weight[static_cast<size_t>((o * channels + i) * taps + tap)] * layer.factor, dtype,
              packed.weight.data() + ((row * taps + tap) * packed.tapTerms + i) * size);
  }
  return packed;
}

PackCall callFor(const Layer& layer, const Packed& like, const float* weight, void* to) {
  return {.weight = weight,
          .groups = layer.groups,
          .outChannels = layer.out,
          .inChannels = layer.in / layer.groups,
          .kernelHeight = layer.kernelHeight,
          .kernelWidth = layer.kernelWidth,
          .tapsDown = {layer.kernelHeight},
          .tapsAcross = {layer.kernelWidth},
          .factor = layer.factor,
          .to = to,
          .dtype = like.dtype,
          .columns = like.columns,
          .tapTerms = like.tapTerms};
}

void expectBytes(const Bytes& found, const std::vector<char>& expected, const Layer& layer) {
  const std::vector<char> bytes = onHost(found);
  expect(bytes.size() == expected.size(), bytes.size(), " bytes, not ", expected.size());
  for (size_t i = 0; i < bytes.size(); ++i)
    expect(bytes[i] == expected[i], "byte ", i, " of ", layer.out, " x ", layer.in, " x ", layer.taps());
}

void checkForward(const Layer& layer, DType dtype) {
  const auto weight = randomValues(static_cast<size_t>(layer.elements()), 3);
  const auto bias = randomValues(static_cast<size_t>(layer.out), 4);
  const Packed expected = packedOnHost(layer, dtype, weight, bias);
  const auto weights = onDevice(weight), biases = onDevice(bias);
  const Bytes packed(static_cast<int64_t>(expected.weight.size()));
  packWeights(callFor(layer, expected, weights.data(), packed.data()), nullptr);
  expectBytes(packed, expected.weight, layer);

  const facenet::cuda::DeviceBuffer<float> packedBias(static_cast<int64_t>(expected.bias.size()));
  packBias(biases.data(), layer.out, layer.groups, layer.factor, expected.columns, packedBias.data(),
           nullptr);
  expect(onHost(packedBias) == expected.bias, "the bias of ", layer.out, " channels");
}

TEST("weights packed on the device have the bits of those that a loop packs, in every order") {
  inEveryOrder([] {
    for (const Layer& layer : layers())
      for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) checkForward(layer, dtype);
  });
}

// The layer that the data gradient multiplies by: input and output channels of each group change places, and every
// kernel is turned by 180 degrees.
void checkTurned(const Layer& layer, DType dtype) {
  const auto weight = randomValues(static_cast<size_t>(layer.elements()), 5);
  const int64_t in = layer.in / layer.groups, out = layer.out / layer.groups, taps = layer.taps();
  std::vector<float> turned(weight.size());
  for (int64_t g = 0; g < layer.groups; ++g)
    for (int64_t o = 0; o < out; ++o)
      for (int64_t i = 0; i < in; ++i)
        for (int64_t tap = 0; tap < taps; ++tap)
          turned[static_cast<size_t>(((g * in + i) * out + o) * taps + taps - 1 - tap)] =
              weight[static_cast<size_t>(((g * out + o) * in + i) * taps + tap)];
  Layer gradient = layer;
  std::swap(gradient.in, gradient.out);
  const Packed expected =
      packedOnHost(gradient, dtype, turned, std::vector<float>(static_cast<size_t>(gradient.out)));
  const auto weights = onDevice(weight);
  const Bytes packed(static_cast<int64_t>(expected.weight.size()));
  PackCall call = callFor(layer, expected, weights.data(), packed.data());
  call.transposed = true;
  call.tapsDown = {layer.kernelHeight, layer.kernelHeight - 1, -1};
  call.tapsAcross = {layer.kernelWidth, layer.kernelWidth - 1, -1};
  packWeights(call, nullptr);
  expectBytes(packed, expected.weight, layer);
}

TEST("weights transposed on the device have the bits of transposed ones that a loop packs, in every order") {
  inEveryOrder([] {
    for (const Layer& layer : layers())
      for (const DType dtype : {DType::f32, DType::bf16}) checkTurned(layer, dtype);
  });
}

TEST("a run of taps may skip stored ones and begin before them") {
  constexpr int64_t kOut = 9, kIn = 5, kTerms = 12, kColumns = 8;
  const auto weight = randomValues(kOut * kIn * 5 * 3, 6);
  const auto weights = onDevice(weight);
  const facenet::cuda::DeviceBuffer<float> packed(kColumns * 6 * kTerms);
  // Rows 5 (none), 3, 1 of five, columns 0 and 2 of three.
  packWeights({.weight = weights.data(),
               .outChannels = kOut,
               .inChannels = kIn,
               .kernelHeight = 5,
               .kernelWidth = 3,
               .transposed = true,
               .tapsDown = {3, 5, -2},
               .tapsAcross = {2, 0, 2},
               .to = packed.data(),
               .columns = kColumns,
               .tapTerms = kTerms},
              nullptr);
  const auto found = onHost(packed);
  for (int64_t index = 0; index < packed.count(); ++index) {
    const int64_t o = index % kTerms, tap = index / kTerms % 6, i = index / kTerms / 6;
    const int64_t ky = 5 - tap / 2 * 2, kx = tap % 2 * 2;
    const bool exists = o < kOut && i < kIn && ky < 5;
    const float expected = exists ? weight[static_cast<size_t>(((o * kIn + i) * 5 + ky) * 3 + kx)] : 0;
    expect(found[static_cast<size_t>(index)] == expected, "tap ", tap, " of row ", i, ", term ", o);
  }
}

template <class T>
void checkDepthwise(int64_t channels, int64_t height, int64_t width) {
  const auto weight = randomValues(static_cast<size_t>(channels * height * width), 7);
  const auto weights = onDevice(weight);
  PackCall call = facenet::cuda::packDepthwise(weights.data(), channels, height, width);
  const facenet::cuda::DeviceBuffer<T> packed(height * width * call.tapTerms);
  call.to = packed.data();
  call.dtype = dtypeOf<T>();
  packWeights(call, nullptr);
  const auto found = onHost(packed);
  for (int64_t index = 0; index < packed.count(); ++index) {
    const int64_t channel = index % call.tapTerms, tap = index / call.tapTerms;
    const float value = channel < channels ? weight[static_cast<size_t>(channel * height * width + tap)] : 0;
    expect(facenet::toFloat(found[static_cast<size_t>(index)]) == stored(value, dtypeOf<T>()), "tap ", tap,
           " of channel ", channel);
  }
}

TEST("depthwise weights are packed taps first, in every order") {
  inEveryOrder([] {
    checkDepthwise<float>(20, 3, 3);
    checkDepthwise<bf16>(67, 3, 3);
    checkDepthwise<bf16>(40, 7, 6);
    checkDepthwise<facenet::f16>(67, 3, 3);
    checkDepthwise<float>(33, 9, 8);
  });
}

template <class T>
void checkStem(int64_t out, int64_t in, const facenet::Window& window) {
  using facenet::cuda::StemLayout;
  const int64_t taps = window.kernelHeight * window.kernelWidth, columns = (out + 7) / 8 * 8;
  const auto weight = randomValues(static_cast<size_t>(out * in * taps), 9);
  const auto weights = onDevice(weight);
  const StemLayout layout(window, in, columns, dtypeOf<T>());
  const facenet::cuda::DeviceBuffer<T> packed(layout.size());
  facenet::cuda::packStem(weights.data(), out, in, window, 0.3f, layout, dtypeOf<T>(), packed.data(),
                          nullptr);
  std::vector<float> expected(static_cast<size_t>(layout.size()));
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t tap = 0; tap < taps; ++tap)
        expected[static_cast<size_t>(
            layout.index(o, tap / window.kernelWidth, tap % window.kernelWidth * in + i))] =
            stored(weight[static_cast<size_t>((o * in + i) * taps + tap)] * 0.3f, dtypeOf<T>());
  const auto found = onHost(packed);
  for (size_t i = 0; i < expected.size(); ++i)
    expect(facenet::toFloat(found[i]) == expected[i], "place ", i, " of ", expected.size());
}

TEST("the weights of a stem lie as its layout says, in every order") {
  inEveryOrder([] {
    checkStem<float>(20, 3, {.kernelHeight = 7, .kernelWidth = 7});
    checkStem<bf16>(20, 3, {.kernelHeight = 7, .kernelWidth = 7});
    checkStem<facenet::f16>(20, 3, {.kernelHeight = 7, .kernelWidth = 7});
    checkStem<bf16>(64, 1, {.kernelHeight = 3, .kernelWidth = 5});
  });
}

// Of 16-byte writes half a sector is left where a tap's channels end; there are no such here.
TEST("packing reads every weight once, and fills whole sectors") {
  for (const bool transposed : {false, true})
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Layer layer{64, 96, 3, 3};
      const auto weights = onDevice(randomValues(static_cast<size_t>(layer.elements()), 8));
      const auto bytes = static_cast<int64_t>(facenet::byteSize(dtype)) * layer.elements();
      const Bytes packed(bytes);
      Packed like;
      like.dtype = dtype;
      like.columns = transposed ? layer.in : layer.out;
      like.tapTerms = transposed ? layer.out : layer.in;
      PackCall call = callFor(layer, like, weights.data(), packed.data());
      call.transposed = transposed;
      const Counters n = count([&] { packWeights(call, nullptr); });
      expect(n.globalBytesRead == 4 * layer.elements(), n.globalBytesRead, " bytes read");
      expect(n.globalBytesWritten == bytes, n.globalBytesWritten, " bytes written");
      expect(static_cast<double>(n.globalSectors) <= 1.1 * static_cast<double>(n.globalSectorsIdeal),
             n.globalSectors, " sectors, not ", n.globalSectorsIdeal);
      // Two orders of one tile cannot both be free of conflicts; without the odd stride they are eightfold.
      expect(static_cast<double>(n.sharedPhases) <= 1.5 * static_cast<double>(n.sharedPhasesIdeal),
             n.sharedPhases, " phases, not ", n.sharedPhasesIdeal);
    }
}

}  // namespace
}  // namespace emulator::tests
