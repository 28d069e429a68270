#include "cuda/matrix_product.cuh"

#include <cmath>

#include "test.h"

namespace emulator::tests {
namespace {

using facenet::cuda::Factor;

struct TestFactor {
  std::vector<float> values;
  int64_t count, depth, stride;
  bool alongDepth;

  // `gap` floats behind each run of values, which nobody may read for anything.
  TestFactor(int64_t vectors, int64_t terms, bool along, int64_t gap, unsigned seed)
      : count(vectors), depth(terms), stride((along ? terms : vectors) + gap), alongDepth(along) {
    values = randomValues(static_cast<size_t>((along ? vectors : terms) * stride), seed);
    for (size_t i = 0; i < values.size(); ++i)
      if (static_cast<int64_t>(i) % stride >= stride - gap) values[i] = std::nanf("");
  }
  double at(int64_t i, int64_t k) const {
    return values[static_cast<size_t>(alongDepth ? i * stride + k : k * stride + i)];
  }
};

void check(const TestFactor& a, const TestFactor& b, bool add) {
  const std::string what = facenet::text(a.count, " x ", b.count, " of depth ", a.depth);
  const auto left = onDevice(a.values), right = onDevice(b.values);
  const int64_t elements = a.count * b.count,
                splits = facenet::cuda::productSplits(a.count, b.count, a.depth);
  const std::vector<float> before = randomValues(static_cast<size_t>(elements), 9);
  const auto out = onDevice(before);
  const facenet::cuda::DeviceBuffer<float> parts(splits > 1 ? splits * elements : 0);
  facenet::cuda::multiply({left.data(), a.count, a.stride, a.alongDepth},
                          {right.data(), b.count, b.stride, b.alongDepth}, a.depth, add, parts.data(),
                          out.data(), nullptr);
  const std::vector<float> found = onHost(out);
  for (int64_t i = 0; i < a.count; ++i)
    for (int64_t j = 0; j < b.count; ++j) {
      const auto at = static_cast<size_t>(i * b.count + j);
      double sum = add ? before[at] : 0, most = std::abs(sum);
      for (int64_t k = 0; k < a.depth; ++k)
        sum += a.at(i, k) * b.at(j, k), most += std::abs(a.at(i, k) * b.at(j, k));
      // Roundings of fp32, one a term, of sums that are below `most`.
      expect(std::abs(found[at] - sum) <= 6e-8 * most * std::sqrt(static_cast<double>(a.depth) + 1), what,
             ": ", found[at], " at ", i, ", ", j, ", not ", sum);
    }
}

TEST("products of matrices that lie either way, with gaps and of odd sizes") {
  inEveryOrder([] {
    check({70, 19, true, 0, 1}, {130, 19, true, 0, 2}, false);
    check({70, 40, true, 0, 1}, {130, 40, false, 2, 2}, true);
    check({70, 17, false, 2, 1}, {130, 17, false, 2, 2}, false);
  });
  check({64, 32, true, 4, 3}, {128, 32, true, 8, 4}, true);
  check({1, 1, true, 0, 3}, {1, 1, true, 0, 4}, false);
  check({3, 16, false, 1, 5}, {5, 16, false, 3, 6}, true);
}

TEST("products that are added in parts") {
  expect(facenet::cuda::productSplits(9, 20, 700) == 5, "five parts");
  check({9, 700, true, 0, 1}, {20, 700, false, 0, 2}, false);
  check({9, 700, true, 1, 1}, {20, 700, false, 1, 2}, true);
  check({6, 257, false, 2, 1}, {4, 257, false, 0, 2}, true);
}

TEST("products read what their tiles imply, and meet no bank conflicts") {
  constexpr int64_t kRows = 64, kColumns = 128, kDepth = 64;
  for (const auto& [along, otherAlong] : {std::pair(true, true), {true, false}, {false, false}}) {
    const auto a = onDevice(randomValues(kRows * kDepth, 1)),
               b = onDevice(randomValues(kColumns * kDepth, 2));
    const facenet::cuda::DeviceBuffer<float> out(kRows * kColumns);
    const Counters c = count([&] {
      facenet::cuda::multiply({a.data(), kRows, along ? kDepth : kRows, along},
                              {b.data(), kColumns, otherAlong ? kDepth : kColumns, otherAlong}, kDepth, false,
                              nullptr, out.data(), nullptr);
    });
    const int64_t read = (kRows + kColumns) * kDepth * 4, written = kRows * kColumns * 4;
    expect(c.globalBytesRead == read && c.globalBytesWritten == written, c.globalBytesRead, " read of ",
           read);
    expect(c.sharedPhases == c.sharedPhasesIdeal, c.sharedPhases, " phases of ", c.sharedPhasesIdeal);
  }
}

TEST("a product's sums have the order that its shape gives") {
  expect(facenet::cuda::productSplits(1800, 1800, 128) == 1, "similarities of a batch");
  expect(facenet::cuda::productSplits(512, 128, 10000) == 32, "gradients of rows, of many classes");
  expect(facenet::cuda::productSplits(100000, 128, 512) == 1, "gradients of many classes");
}

}  // namespace
}  // namespace emulator::tests
