// Copies and conversions of cuda/ptx.cuh, and warp collectives, against their definitions in the PTX manual. What only
// the emulator can tell, counts and reports, comes last in each test: a device compares the values before.
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

TEST("ptx: cp.async of 4, 8 and 16 bytes in groups, with zero fill") {
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

TEST("ptx: cp.async of the first 0 to 16 bytes reads no others, and the rest is zero") {
  std::vector<char> x(kLanes * 16);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<char>(i % 97 + 1);
  const auto from = onDevice(x), to = onDevice(x);
  const auto run = [&] {
    launch<copyPartly>(1, kLanes, 0, nullptr, static_cast<const char*>(from.data()), to.data());
  };
  inEveryOrder([&] {
    run();
    const auto y = onHost(to);
    int64_t copied = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const bool inside = i % 16 < i / 16 % 17;
      copied += inside;
      expect(y[i] == (inside ? x[i] : 0), "byte ", i, " is ", int{y[i]});
    }
    const Counters c = count(run);
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

TEST("ptx: conversions to pairs of bf16 and f16 round to nearest, ties to even") {
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

TEST("ptx: waiting for the group before the one that is used is reported") {
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

TEST("ptx: warp collectives") {
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
