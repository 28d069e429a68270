#include "cuda/l2_normalize.cuh"

#include <cmath>

#include "cuda/simple_ops.cuh"
#include "views.h"

namespace emulator::tests {
namespace {

constexpr float kEpsilon = 1e-12f;

// As many roundings as a plain fp32 loop makes at most: one per dimension of a sum, the root, the division.
void checkRows(int64_t rows, int64_t dimensions, int64_t offset) {
  std::vector<float> x = randomValues(static_cast<size_t>(offset + rows * dimensions), 7);
  const auto buffer = onDevice(x);
  float* first = buffer.data() + offset;
  facenet::cuda::l2NormalizeRows(first, rows, dimensions, kEpsilon, first, nullptr);
  const auto y = onHost(buffer);
  for (int64_t row = 0; row < rows; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < dimensions; ++i) squares += std::pow(double{x[offset + row * dimensions + i]}, 2);
    for (int64_t i = 0; i < dimensions; ++i) {
      const int64_t at = offset + row * dimensions + i;
      const double expected = x[at] / std::sqrt(squares);
      // Each thread adds at most dimensions / 32 squares, then five pairs (and eight warps): far fewer than a
      // loop.
      const double tolerance =
          std::abs(expected) * 1.2e-7 * (4 + std::sqrt(static_cast<double>(dimensions)) / 4);
      expect(std::abs(y[at] - expected) <= tolerance, rows, " x ", dimensions, " + ", offset, ": ", y[at],
             " not ", expected);
    }
  }
}

TEST("l2_normalize of rows of every kind of length, in every order") {
  inEveryOrder([] {
    for (const int64_t dimensions :
         {1, 2, 3, 4, 31, 32, 33, 127, 128, 129, 512, 1023, 1024, 1025, 1028, 1792, 4100})
      for (const int64_t offset : {0, 1}) checkRows(9, dimensions, offset);
    checkRows(1, 128, 0);
  });
}

TEST("l2_normalize reads and writes each value once, in 16-byte vectors without waste") {
  const auto buffer = onDevice(randomValues(64 * 128, 3));
  const Counters c = count(
      [&] { facenet::cuda::l2NormalizeRows(buffer.data(), 64, 128, kEpsilon, buffer.data(), nullptr); });
  const int64_t bytes = 64 * 128 * 4;
  expect(c.globalBytesRead == bytes && c.globalBytesWritten == bytes, c.globalBytesRead, " ",
         c.globalBytesWritten);
  expect(c.globalSectors == 2 * bytes / 32, c.globalSectors, " sectors");
}

TEST("l2_normalize of images in every type and layout, in every order") {
  inEveryOrder([] {
    forTypes([](DType in, DType out) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        const Shape shape{channels % 3 + 1, 3, channels};
        const TestView x = TestView::random(in, 3, shape, from, 1);
        TestView y = TestView::untouched(out, 3, shape, to);
        facenet::cuda::forward(facenet::L2Normalize{kEpsilon}, x.view(), y.view(), nullptr);
        double squares[3] = {};
        for (int64_t n = 0; n < 3; ++n)
          for (int64_t i = 0; i < shape.elements(); ++i)
            squares[n] +=
                std::pow(x.at(n, i / channels / shape.width, i / channels % shape.width, i % channels), 2);
        y.check(
            "l2_normalize",
            [&](int64_t n, int64_t row, int64_t column, int64_t c) {
              return x.at(n, row, column, c) / std::sqrt(squares[n]);
            },
            [&](double expected) { return std::abs(expected) * (rounding(out) + 0x1p-20); });
      });
    });
  });
}

TEST("l2_normalize of a row of zeros is a row of zeros") {
  const auto buffer = onDevice(std::vector<float>(128, 0.f));
  facenet::cuda::l2NormalizeRows(buffer.data(), 1, 128, kEpsilon, buffer.data(), nullptr);
  for (const float value : onHost(buffer)) expect(value == 0, value);
}

}  // namespace
}  // namespace emulator::tests
