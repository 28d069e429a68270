// The matrix instructions of cuda/ptx.cuh against their definitions in the PTX manual, written as loops over matrices.
#include <cmath>

#include "cuda/common/device.cuh"
#include "cuda/ptx.cuh"
#include "native/core/dtype.h"
#include "test/kernels/test.h"

namespace emulator::tests {
namespace {

using facenet::cuda::launch;
using facenet::cuda::shared;
namespace ptx = facenet::cuda::ptx;

constexpr int kLanes = 32;

// Fragments as the manual numbers them: element i of a lane's fragment and its place in the matrix.
struct Place {
  int row, column;
};
Place placeOfA16(int lane, int i) {
  const bool upper = (i >= 0 && i < 2) || (i >= 4 && i < 6);
  return {upper ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + (i & 1) + (i < 4 ? 0 : 8)};
}
Place placeOfB16(int lane, int i) {
  return {lane % 4 * 2 + (i & 1) + (i < 2 ? 0 : 8), lane / 4};
}
Place placeOfD(int lane, int i) {
  return {i < 2 ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + (i & 1)};
}
Place placeOfA32(int lane, int i) {
  return {i == 0 || i == 2 ? lane / 4 : lane / 4 + 8, i < 2 ? lane % 4 : lane % 4 + 4};
}
Place placeOfB32(int lane, int i) {
  return {i == 0 ? lane % 4 : lane % 4 + 4, lane / 4};
}

template <class Type>
__global__ void multiply(const uint32_t* a, const uint32_t* b, float* d) {
  uint32_t left[4], right[2];
  float sum[4];
  for (int i = 0; i < 4; ++i) left[i] = a[threadIdx.x * 4 + i];
  for (int i = 0; i < 2; ++i) right[i] = b[threadIdx.x * 2 + i];
  for (int i = 0; i < 4; ++i) sum[i] = d[threadIdx.x * 4 + i];
  ptx::multiplyAdd(Type{}, sum, left, right);
  for (int i = 0; i < 4; ++i) d[threadIdx.x * 4 + i] = sum[i];
}

// Small multiples of 1/8 are exact in every type, and so are their products and sums in fp32.
float exactValue(int i) {
  return static_cast<float>(i * 37 % 61 - 30) / 8;
}

uint32_t halfBits(float value) {
  if (value == 0) return 0;
  int exponent;
  const float fraction = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
  const auto mantissa = static_cast<uint32_t>(fraction * 2048) - 1024;
  return (value < 0 ? 0x8000u : 0u) | static_cast<uint32_t>(exponent + 14) << 10 | mantissa;
}

template <class Type, int K>
void checkMultiply(Place (*placeA)(int, int), Place (*placeB)(int, int), uint32_t (*bits)(float)) {
  constexpr int kPacked = K == 16 ? 2 : 1;  // elements per register
  const auto a = [](int m, int k) { return exactValue(m * K + k); };
  const auto b = [](int k, int n) { return exactValue(k * 8 + n + 500); };
  const auto c = [](int m, int n) { return exactValue(m * 8 + n + 900); };
  std::vector<uint32_t> left(kLanes * 4), right(kLanes * 2);
  std::vector<float> sum(kLanes * 4);
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int i = 0; i < 4 * kPacked; ++i) {
      const Place p = placeA(lane, i);
      left[lane * 4 + i / kPacked] |= bits(a(p.row, p.column)) << 16 * (i % kPacked);
    }
    for (int i = 0; i < 2 * kPacked; ++i) {
      const Place p = placeB(lane, i);
      right[lane * 2 + i / kPacked] |= bits(b(p.row, p.column)) << 16 * (i % kPacked);
    }
    for (int i = 0; i < 4; ++i) sum[lane * 4 + i] = c(placeOfD(lane, i).row, placeOfD(lane, i).column);
  }
  const auto aBuffer = onDevice(left), bBuffer = onDevice(right);
  const auto dBuffer = onDevice(sum);
  const auto run = [&] {
    launch<multiply<Type>>(1, kLanes, 0, nullptr, static_cast<const uint32_t*>(aBuffer.data()),
                           static_cast<const uint32_t*>(bBuffer.data()), dBuffer.data());
  };
  run();
  const auto d = onHost(dBuffer);
  for (int lane = 0; lane < kLanes; ++lane)
    for (int i = 0; i < 4; ++i) {
      const Place p = placeOfD(lane, i);
      float expected = c(p.row, p.column);
      for (int k = 0; k < K; ++k) expected += a(p.row, k) * b(k, p.column);
      expect(d[lane * 4 + i] == expected, "d(", p.row, ", ", p.column, ") is ", d[lane * 4 + i], ", not ",
             expected);
    }
  const Counters counted = count(run);
  expect(counted.mma == 1 && counted.multiplyAdds == 16 * 8 * K, counted.mma, " mma, ", counted.multiplyAdds);
}

TEST("ptx: mma.sync m16n8k16 of bf16") {
  inEveryOrder([] {
    checkMultiply<ptx::Bf16, 16>(placeOfA16, placeOfB16,
                                 [](float v) -> uint32_t { return facenet::toBf16(v).bits; });
  });
}
TEST("ptx: mma.sync m16n8k16 of f16") {
  inEveryOrder([] { checkMultiply<ptx::F16, 16>(placeOfA16, placeOfB16, halfBits); });
}
TEST("ptx: mma.sync m16n8k8 of tf32, which ignores the lower 13 bits") {
  inEveryOrder([] {
    checkMultiply<ptx::Tf32, 8>(placeOfA32, placeOfB32,
                                [](float v) { return __builtin_bit_cast(uint32_t, v) | 0x1fffu; });
  });
}

constexpr int kRow = 8;  // elements of a row

template <int Count, bool Transposed, int Stride>
__global__ void load(uint32_t* d) {
  struct Padded {
    alignas(16) uint16_t rows[4 * kRow][Stride];
  };
  Padded& matrices = shared<Padded>();
  for (int column = 0; column < kRow; ++column)
    matrices.rows[threadIdx.x][column] = static_cast<uint16_t>(threadIdx.x * kRow + column);
  __syncthreads();
  uint32_t registers[Count];
  if (Transposed)
    ptx::loadMatrixTransposed(registers, matrices.rows[threadIdx.x]);
  else
    ptx::loadMatrix(registers, matrices.rows[threadIdx.x]);
  for (int i = 0; i < Count; ++i) d[threadIdx.x * Count + i] = registers[i];
}

template <int Count, bool Transposed>
void checkLoad() {
  const auto d = onDevice(std::vector<uint32_t>(kLanes * Count));
  launch<load<Count, Transposed, kRow>>(1, kLanes, 0, nullptr, d.data());
  const auto registers = onHost(d);
  for (int lane = 0; lane < kLanes; ++lane)
    for (int i = 0; i < Count; ++i)
      for (int half = 0; half < 2; ++half) {
        const int major = lane / 4, minor = lane % 4 * 2 + half;
        const int row = Transposed ? minor : major, column = Transposed ? major : minor;
        const uint32_t found = registers[lane * Count + i] >> 16 * half & 0xffff;
        expect(found == static_cast<uint32_t>((i * kRow + row) * kRow + column), "lane ", lane, ", matrix ",
               i, ": ", found);
      }
}

TEST("ptx: ldmatrix of one, two and four matrices, plain and transposed") {
  inEveryOrder([] {
    checkLoad<1, false>();
    checkLoad<2, false>();
    checkLoad<4, false>();
    checkLoad<1, true>();
    checkLoad<2, true>();
    checkLoad<4, true>();
  });
}

// The rows of a matrix fall on all banks where they are 16 bytes apart, and on the same ones at 128 bytes.
TEST("ptx: ldmatrix counts its bank phases") {
  const auto extra = [](auto kernel) {
    const auto d = onDevice(std::vector<uint32_t>(kLanes * 4));
    const Counters c = count([&] { kernel(d.data()); });
    return c.sharedPhases - c.sharedPhasesIdeal;
  };
  const int64_t packed = extra([](uint32_t* d) { launch<load<4, false, 8>>(1, kLanes, 0, nullptr, d); });
  const int64_t packedTwo = extra([](uint32_t* d) { launch<load<2, false, 8>>(1, kLanes, 0, nullptr, d); });
  const int64_t wide = extra([](uint32_t* d) { launch<load<4, false, 64>>(1, kLanes, 0, nullptr, d); });
  const int64_t wideTwo = extra([](uint32_t* d) { launch<load<2, false, 64>>(1, kLanes, 0, nullptr, d); });
  expect(packed == packedTwo, "conflicts at 16 bytes: ", packed - packedTwo);
  expect(wide - wideTwo == 2 * 7, "phases too many in two matrices at 128 bytes: ", wide - wideTwo);
}

}  // namespace
}  // namespace emulator::tests
