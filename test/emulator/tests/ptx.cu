// Every instruction of cuda/ptx.cuh against its definition in the PTX manual, written as loops over matrices.
#include <cmath>

#include "native/core/dtype.h"
#include "cuda/common/device.cuh"
#include "cuda/ptx.cuh"
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
  constexpr int kPacked = K == 16 ? 2 : 1;  // elements a register
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
  const Counters counted = count([&] {
    launch<multiply<Type>>(1, kLanes, 0, nullptr, static_cast<const uint32_t*>(aBuffer.data()),
                           static_cast<const uint32_t*>(bBuffer.data()), dBuffer.data());
  });
  expect(counted.mma == 1 && counted.multiplyAdds == 16 * 8 * K, counted.mma, " mma, ", counted.multiplyAdds);
  const auto d = onHost(dBuffer);
  for (int lane = 0; lane < kLanes; ++lane)
    for (int i = 0; i < 4; ++i) {
      const Place p = placeOfD(lane, i);
      float expected = c(p.row, p.column);
      for (int k = 0; k < K; ++k) expected += a(p.row, k) * b(k, p.column);
      expect(d[lane * 4 + i] == expected, "d(", p.row, ", ", p.column, ") is ", d[lane * 4 + i], ", not ",
             expected);
    }
}

TEST("mma.sync m16n8k16 of bf16") {
  inEveryOrder([] {
    checkMultiply<ptx::Bf16, 16>(placeOfA16, placeOfB16,
                                 [](float v) -> uint32_t { return facenet::toBf16(v).bits; });
  });
}
TEST("mma.sync m16n8k16 of f16") {
  inEveryOrder([] { checkMultiply<ptx::F16, 16>(placeOfA16, placeOfB16, halfBits); });
}
TEST("mma.sync m16n8k8 of tf32, which ignores the lower 13 bits") {
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

TEST("ldmatrix of one, two and four matrices, plain and transposed") {
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
TEST("ldmatrix counts its bank phases") {
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

template <int Bytes>
struct Staged {
  alignas(16) char bytes[2][kLanes * Bytes];
};

// Two groups are under way; the first is used while the second still is.
template <int Bytes>
__global__ void copyGroups(const char* x, char* y, int valid) {
  auto& staged = shared<Staged<Bytes>>().bytes;
  const int at = threadIdx.x * Bytes;
  for (int group = 0; group < 2; ++group) {
    ptx::copyAsync<Bytes>(&staged[group][at], x + group * kLanes * Bytes + at,
                          static_cast<int>(threadIdx.x) < valid);
    ptx::copyAsyncCommit();
  }
  ptx::copyAsyncWait<1>();
  for (int i = 0; i < Bytes; ++i) y[at + i] = staged[0][at + i];
  ptx::copyAsyncWait<0>();
  for (int i = 0; i < Bytes; ++i) y[kLanes * Bytes + at + i] = staged[1][at + i];
}

template <int Bytes>
void checkCopy(int valid) {
  std::vector<char> x(2 * kLanes * Bytes);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<char>(i % 97 + 1);
  const auto from = onDevice(x), to = onDevice(std::vector<char>(x.size()));
  launch<copyGroups<Bytes>>(1, kLanes, 0, nullptr, static_cast<const char*>(from.data()), to.data(), valid);
  const auto y = onHost(to);
  for (size_t i = 0; i < x.size(); ++i) {
    const bool copied = static_cast<int>(i % (kLanes * Bytes)) < valid * Bytes;
    expect(y[i] == (copied ? x[i] : 0), "byte ", i, " is ", int{y[i]});
  }
}

TEST("cp.async of 4, 8 and 16 bytes in groups, with zero fill") {
  inEveryOrder([] {
    for (const int valid : {kLanes, 5, 0}) {
      checkCopy<4>(valid);
      checkCopy<8>(valid);
      checkCopy<16>(valid);
    }
  });
}

__global__ void copyPartly(const char* x, char* y) {
  auto& staged = shared<Staged<16>>().bytes;
  const int at = threadIdx.x * 16;
  ptx::copyAsyncPartly(&staged[0][at], x + at, static_cast<int>(threadIdx.x) % 17);
  ptx::copyAsyncCommit();
  ptx::copyAsyncWait<0>();
  for (int i = 0; i < 16; ++i) y[at + i] = staged[0][at + i];
}

TEST("cp.async of the first 0 to 16 bytes reads no others, and the rest is zero") {
  std::vector<char> x(kLanes * 16);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<char>(i % 97 + 1);
  const auto from = onDevice(x), to = onDevice(x);
  inEveryOrder([&] {
    const Counters c = count(
        [&] { launch<copyPartly>(1, kLanes, 0, nullptr, static_cast<const char*>(from.data()), to.data()); });
    const auto y = onHost(to);
    int64_t copied = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const bool inside = i % 16 < i / 16 % 17;
      copied += inside;
      expect(y[i] == (inside ? x[i] : 0), "byte ", i, " is ", int{y[i]});
    }
    expect(c.globalBytesRead == copied, c.globalBytesRead, " bytes read, not ", copied);
  });
  expectReport(
      [&] {
        launch<copyPartly>(1, kLanes, 0, nullptr, static_cast<const char*>(from.data() + 8), to.data());
      },
      {"misaligned"});
}

template <class Type>
__global__ void convert(const float* x, uint32_t* pairs, float* y) {
  const uint32_t pair = ptx::pairOf(Type{}, x[2 * threadIdx.x], x[2 * threadIdx.x + 1]);
  pairs[threadIdx.x] = pair;
  y[2 * threadIdx.x] = ptx::lowerOf(Type{}, pair);
  y[2 * threadIdx.x + 1] = ptx::upperOf(Type{}, pair);
}

// The nearest stored number, the even one of two that are as near, by search among all of them.
template <class Stored>
void checkConvert() {
  const std::vector<float> x{
      0.f,     -0.f,     1.f,      -2.5f,     1.00390625f, 1.01171875f, 1.00048828125f, 1.00146484375f,
      1e-6f,   -3.1e-8f, 6.1e-5f,  0.3333f,   -1e-3f,      60000.f,     65504.f,        65519.f,
      65520.f, -1e30f,   INFINITY, -INFINITY, NAN,         -7.f,        1234.567f,      2e-42f};
  const auto in = onDevice(x), out = onDevice(x);
  const auto pairs = onDevice(std::vector<uint32_t>(x.size() / 2));
  using Type = std::conditional_t<std::is_same_v<Stored, facenet::bf16>, ptx::Bf16, ptx::F16>;
  launch<convert<Type>>(1, static_cast<unsigned>(x.size() / 2), 0, nullptr,
                        static_cast<const float*>(in.data()), pairs.data(), out.data());
  const auto registers = onHost(pairs);
  const auto y = onHost(out);
  for (size_t i = 0; i < x.size(); ++i) {
    const auto stored = static_cast<uint16_t>(registers[i / 2] >> 16 * (i % 2));
    if (std::isnan(x[i])) {
      expect(std::isnan(y[i]), "a NaN became ", y[i]);
      continue;
    }
    expect(facenet::toFloat(Stored{stored}) == y[i] && std::signbit(x[i]) == std::signbit(y[i]), x[i], " -> ",
           y[i]);
    // An overflow counts as the number that would follow the largest one.
    const auto value = [](uint32_t bits) {
      const float number = facenet::toFloat(Stored{static_cast<uint16_t>(bits)});
      return std::isinf(number) ? std::ldexp(1.0, std::is_same_v<Stored, facenet::bf16> ? 128 : 16)
                                : double{number};
    };
    if (std::isinf(x[i])) {
      expect(y[i] == x[i], x[i], " -> ", y[i]);
      continue;
    }
    const uint32_t magnitude = stored & 0x7fffu;
    const double wanted = std::abs(double{x[i]}), error = std::abs(value(magnitude) - wanted);
    for (const uint32_t other : {magnitude + 1, magnitude - 1}) {
      if (other > 0x7fffu || std::isnan(facenet::toFloat(Stored{static_cast<uint16_t>(other)}))) continue;
      const double distance = std::abs(value(other) - wanted);
      expect(error < distance || (error == distance && magnitude % 2 == 0), x[i], " -> ", y[i]);
    }
  }
}

TEST("conversions to pairs of bf16 and f16 round to nearest, ties to even") {
  checkConvert<facenet::bf16>();
  checkConvert<facenet::f16>();
}

__global__ void useTooEarly(const char* x, char* y) {
  auto& staged = shared<Staged<4>>().bytes;
  for (int group = 0; group < 2; ++group) {
    ptx::copyAsync<4>(&staged[group][threadIdx.x * 4], x + threadIdx.x * 4);
    ptx::copyAsyncCommit();
  }
  ptx::copyAsyncWait<1>();
  y[threadIdx.x] = staged[1][threadIdx.x * 4];
}

TEST("waiting for the group before the one that is used is reported") {
  const auto x = onDevice(std::vector<char>(128)), y = onDevice(std::vector<char>(128));
  inEveryOrder([&] {
    expectReport(
        [&] { launch<useTooEarly>(1, kLanes, 0, nullptr, static_cast<const char*>(x.data()), y.data()); },
        {"missing wait"});
  });
}

__global__ void collectives(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  int* out = y + lane * 12;
  out[0] = __shfl_sync(~0u, lane, 7);
  out[1] = __shfl_sync(~0u, lane, 3, 8);
  out[2] = __shfl_up_sync(~0u, lane, 3);
  out[3] = __shfl_down_sync(~0u, lane, 3, 16);
  out[4] = __shfl_xor_sync(~0u, lane, 5);
  out[5] = static_cast<int>(__ballot_sync(~0u, lane % 3 == 0));
  out[6] = __any_sync(~0u, lane == 9);
  out[7] = __all_sync(~0u, lane != 9);
  out[8] = __reduce_add_sync(~0u, lane);
  out[9] = __reduce_max_sync(~0u, lane);
  out[10] = __reduce_min_sync(~0u, lane + 4);
  out[11] = lane < 16 ? __shfl_xor_sync(0xffffu, lane, 1) : __reduce_add_sync(0xffff0000u, 1);
}

TEST("warp collectives") {
  inEveryOrder([] {
    const auto y = onDevice(std::vector<int>(kLanes * 12));
    launch<collectives>(1, kLanes, 0, nullptr, y.data());
    const auto found = onHost(y);
    for (int lane = 0; lane < kLanes; ++lane) {
      const int expected[12] = {7,
                                lane / 8 * 8 + 3,
                                lane < 3 ? lane : lane - 3,
                                lane % 16 + 3 < 16 ? lane + 3 : lane,
                                lane ^ 5,
                                0x49249249,
                                1,
                                0,
                                496,
                                31,
                                4,
                                lane < 16 ? lane ^ 1 : 16};
      for (int i = 0; i < 12; ++i)
        expect(found[lane * 12 + i] == expected[i], "lane ", lane, ", value ", i, ": ", found[lane * 12 + i]);
    }
  });
}

}  // namespace
}  // namespace emulator::tests
