#include "cuda/preprocess.cuh"

#include <algorithm>
#include <cmath>

#include "views.h"

namespace emulator::tests {
namespace {

using facenet::Preprocess;

// Three images: noise, one colour, and noise in a narrow band.
std::vector<uint8_t> images(const Shape& shape) {
  std::vector<uint8_t> bytes;
  for (const auto& [low, high] : {std::pair(0.f, 255.9f), std::pair(200.f, 200.f), std::pair(100.f, 103.9f)})
    for (const float value : randomValues(static_cast<size_t>(shape.elements()), 1, low, high))
      bytes.push_back(static_cast<uint8_t>(value));
  return bytes;
}

void checkPreprocess(const Preprocess& op, int64_t height, int64_t width, DType out, Layout to, bool owns,
                     int64_t shift = 0) {
  const Shape in{height, width, 3}, shape{height, width, op.grey ? 1 : 3};
  const std::vector<uint8_t> bytes = images(in);
  std::vector<uint8_t> shifted(bytes.size() + static_cast<size_t>(shift));
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + shift);
  const auto buffer = onDevice(shifted);
  const View x{buffer.data() + shift, DType::u8, 3, in, 3};
  TestView y = TestView::untouched(out, 3, shape, to);
  facenet::cuda::DeviceBuffer<uint8_t> scratch(facenet::cuda::preprocessScratch(op, 3, in));
  facenet::cuda::preprocess(op, x, y.view(), owns, scratch.data(), nullptr);

  const auto value = [&](int64_t n, int64_t pixel, int64_t c) -> double {
    const uint8_t* rgb = bytes.data() + (n * in.pixels() + pixel) * 3;
    return op.grey ? 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] : rgb[op.order[static_cast<size_t>(c)]];
  };
  double mean[3] = {}, deviation[3] = {};
  const auto elements = static_cast<double>(shape.elements());
  for (int64_t n = 0; n < 3 && op.perImage; ++n) {
    for (int64_t i = 0; i < shape.elements(); ++i)
      mean[n] += value(n, i / shape.channels, i % shape.channels) / elements;
    for (int64_t i = 0; i < shape.elements(); ++i)
      deviation[n] += std::pow(value(n, i / shape.channels, i % shape.channels) - mean[n], 2) / elements;
    deviation[n] = std::max(std::sqrt(deviation[n]), 1 / std::sqrt(elements));
  }
  const auto expected = [&](int64_t n, int64_t row, int64_t column, int64_t c) -> double {
    if (c >= shape.channels) return 0;
    const double pixel = value(n, row * width + column, c);
    if (op.perImage) return (pixel - mean[n]) / deviation[n];
    return (pixel - op.mean[static_cast<size_t>(c)]) * op.scale[static_cast<size_t>(c)];
  };
  const auto tolerance = [&](double wanted) { return std::abs(wanted) * (rounding(out) + 0x1p-22) + 2e-5; };
  if (owns && to.stride == 8) {  // what lies between the pixels is zero
    TestView whole = TestView::untouched(out, 3, {height, width, 8}, {8});
    facenet::cuda::preprocess(op, x, {whole.view().data, out, 3, shape, 8}, owns, scratch.data(), nullptr);
    whole.check("preprocess with padding", expected, tolerance);
  } else {
    y.check("preprocess", expected, tolerance);
  }
}

TEST("preprocess in every type and layout, in every order") {
  inEveryOrder([] {
    const Preprocess rgb{false, false, {0, 1, 2}, {127.5f, 117, 104}, {1 / 128.f, 1 / 256.f, 1}};
    const Preprocess bgr{false, false, {2, 1, 0}, {91, 98, 114}, {0.5f, 0.25f, 1}};
    const Preprocess grey{false, true, {0, 1, 2}, {127.5f, 0, 0}, {1 / 128.f, 1, 1}};
    for (const DType out : {DType::f32, DType::bf16, DType::f16})
      for (Preprocess op : {rgb, bgr, grey})
        for (const bool perImage : {false, true}) {
          op.perImage = perImage;
          const int64_t channels = op.grey ? 1 : 3;
          checkPreprocess(op, 9, 7, out, {channels}, false);
          checkPreprocess(op, 9, 7, out, {8}, true);
          checkPreprocess(op, 9, 7, out, {8}, false);
          checkPreprocess(op, 9, 7, out, {24, 8}, true, 1);
          checkPreprocess(op, 32, 48, out, {8}, true);
        }
  });
}

TEST("preprocess reads bytes once by 16 and writes padded pixels once") {
  const Shape shape{32, 64, 3};
  const auto buffer = onDevice(images(shape));
  for (const DType out : {DType::bf16, DType::f32}) {
    const TestView y = TestView::untouched(out, 3, {32, 64, 3}, {8});
    const int64_t read = 3 * shape.elements(),
                  written = 3 * shape.pixels() * 8 * static_cast<int64_t>(facenet::byteSize(out));
    const Counters c = count([&] {
      facenet::cuda::preprocess({}, {buffer.data(), DType::u8, 3, shape, 3}, y.view(), true, nullptr,
                                nullptr);
    });
    expect(c.globalBytesRead == read && c.globalBytesWritten == written, c.globalBytesRead);
    // A pixel of eight fp32 values is two stores, each half a sector.
    const int64_t stores = out == DType::f32 ? 2 : 1;
    expect(c.globalSectors == (read + stores * written) / 32, c.globalSectors, " sectors");
    expect(c.sharedPhases == c.sharedPhasesIdeal, c.sharedPhases, " phases of ", c.sharedPhasesIdeal);
  }
}

}  // namespace
}  // namespace emulator::tests
