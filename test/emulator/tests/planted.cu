// Mistakes planted in kernels: each has to be reported, and its correct twin not.
#include <numeric>

#include "cuda/common/device.cuh"
#include "cuda/ptx.cuh"
#include "test/kernels/test.h"

namespace emulator::tests {
namespace {

using facenet::cuda::dynamicShared;
using facenet::cuda::launch;
using facenet::cuda::shared;
namespace ptx = facenet::cuda::ptx;

constexpr int kThreads = 64;
struct Tile {
  float values[kThreads];
};

template <bool Barrier>
__global__ void reverse(const float* x, float* y) {
  Tile& tile = shared<Tile>();
  tile.values[threadIdx.x] = x[threadIdx.x];
  if (Barrier) __syncthreads();
  y[threadIdx.x] = tile.values[kThreads - 1 - threadIdx.x];
}

// The second round overwrites what slower threads may still read.
template <bool Barrier>
__global__ void reverseTwice(float* x) {
  Tile& tile = shared<Tile>();
  for (int round = 0; round < 2; ++round) {
    tile.values[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = tile.values[kThreads - 1 - threadIdx.x];
    if (Barrier) __syncthreads();
  }
}

template <bool Barrier>
__global__ void reverseWarp(float* x) {
  Tile& tile = shared<Tile>();
  tile.values[threadIdx.x] = x[threadIdx.x];
  if (Barrier) __syncwarp();
  x[threadIdx.x] = tile.values[threadIdx.x ^ 31];
}

template <bool Wait>
__global__ void copyAndReverse(const float* x, float* y) {
  Tile& tile = shared<Tile>();
  ptx::copyAsync<4>(&tile.values[threadIdx.x], x + threadIdx.x);
  ptx::copyAsyncCommit();
  if (Wait) ptx::copyAsyncWait<0>();
  __syncthreads();
  y[threadIdx.x] = tile.values[kThreads - 1 - threadIdx.x];
}

__global__ void divergentBarrier(float* y) {
  if (threadIdx.x < 40) __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void twoBarriers(float* y) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void halfWarpShuffles(float* y) {
  float value = static_cast<float>(threadIdx.x);
  if (threadIdx.x % 32 < 16) value = __shfl_xor_sync(~0u, value, 1);
  y[threadIdx.x] = value;
}
__global__ void barrierAgainstShuffle(float* y) {
  if (threadIdx.x == 0) __syncthreads();
  y[threadIdx.x] = __shfl_xor_sync(~0u, 1.f, 1);
}

__global__ void shift(const float* x, float* y, int by) {
  y[threadIdx.x + by] = x[threadIdx.x];
}
__global__ void shiftFrom(const float* x, float* y, int by) {
  y[threadIdx.x] = x[threadIdx.x + by];
}
__global__ void sharedIndex(float* y, int by) {
  Tile& tile = shared<Tile>();
  tile.values[threadIdx.x + by] = 1;
  y[threadIdx.x] = tile.values[threadIdx.x + by];
}
__global__ void dynamicIndex(float* y, int by) {
  auto* values = reinterpret_cast<float*>(dynamicShared());
  values[threadIdx.x + by] = 1;
  y[threadIdx.x] = values[threadIdx.x + by];
}
__global__ void readSixteen(const char* x, float* y, int offset) {
  const float4 value = *reinterpret_cast<const float4*>(x + offset);
  y[threadIdx.x] = value.x + value.w;
}
__global__ void bornAsNaN(float* y) {
  y[threadIdx.x] = shared<Tile>().values[threadIdx.x];
}

struct Total {
  int value;
};
// All threads add to one number.
template <bool Before, bool After>
__global__ void addAll(float* y) {
  Total& total = shared<Total>();
  if (threadIdx.x == 0) total.value = 0;
  if (Before) __syncthreads();
  atomicAdd(&total.value, 1);
  const int seen = facenet::cuda::loadAtomic(&total.value);
  if (After) __syncthreads();
  y[threadIdx.x] = static_cast<float>(total.value + 0 * seen);
}
// The first few do so in global memory.
__global__ void addOutside(float* y, int threads) {
  auto* total = reinterpret_cast<unsigned long long*>(y);
  if (threadIdx.x == 0) *total = 1000;
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < threads) atomicMin(total, 100ull - threadIdx.x);
  atomicAdd(total + (threads < 0 ? kThreads : 0), 1ull);
}

std::vector<float> counting() {
  std::vector<float> values(kThreads);
  std::iota(values.begin(), values.end(), 0.f);
  return values;
}

template <auto Kernel>
void expectReversed() {
  const auto x = onDevice(counting());
  const auto y = onDevice(std::vector<float>(kThreads));
  launch<Kernel>(1, kThreads, 0, nullptr, static_cast<const float*>(x.data()), y.data());
  const auto result = onHost(y);
  for (int i = 0; i < kThreads; ++i) expect(result[i] == kThreads - 1 - i, "y[", i, "] is ", result[i]);
}

// Runs a kernel on y alone.
template <auto Kernel, class... Arguments>
std::vector<float> runOn(size_t sharedBytes, Arguments... arguments) {
  const auto y = onDevice(counting());
  launch<Kernel>(1, kThreads, sharedBytes, nullptr, y.data(), arguments...);
  return onHost(y);
}

TEST("a missing barrier between write and read is reported in every order") {
  inEveryOrder([] {
    expectReversed<reverse<true>>();
    expectReport(expectReversed<reverse<false>>, {"race: ", "reverse<false>", "block (0, 0, 0), thread ("});
  });
}

TEST("a missing barrier between read and the next write is reported in every order") {
  inEveryOrder([] {
    expect(runOn<reverseTwice<true>>(0) == counting(), "reversing twice changed the values");
    expectReport([] { runOn<reverseTwice<false>>(0); }, {"race: "});
  });
}

TEST("a missing __syncwarp is reported in every order") {
  inEveryOrder([] {
    runOn<reverseWarp<true>>(0);
    expectReport([] { runOn<reverseWarp<false>>(0); }, {"race: "});
  });
}

TEST("a missing wait for cp.async is reported in every order") {
  inEveryOrder([] {
    expectReversed<copyAndReverse<true>>();
    expectReport(expectReversed<copyAndReverse<false>>, {"missing wait: reads shared memory"});
  });
}

TEST("a barrier that some threads do not reach is reported with who waits where") {
  inEveryOrder([] {
    expectReport([] { runOn<divergentBarrier>(0); },
                 {"divergent barrier in kernel", "divergentBarrier", "block (0, 0, 0)",
                  "threads 0-39 at __syncthreads (planted.cu:", "threads 40-63 returned"});
    expectReport([] { runOn<twoBarriers>(0); }, {"divergent barrier", "threads 0-31 at", "threads 32-63 at"});
  });
}

TEST("a block without progress is a deadlock, reported with who waits where") {
  inEveryOrder([] {
    expectReport(
        [] { runOn<halfWarpShuffles>(0); },
        {"deadlock in kernel", "threads 0-15, 32-47 at __shfl_xor_sync", "threads 16-31, 48-63 returned"});
    expectReport([] { runOn<barrierAgainstShuffle>(0); }, {"deadlock", "thread 0 at __syncthreads"});
  });
}

TEST("accesses outside global memory are reported with thread and offset") {
  const auto x = onDevice(counting()), y = onDevice(counting());
  const float* from = x.data();
  launch<shift>(1, kThreads, 0, nullptr, from, y.data(), 0);
  expectReport(
      [&] { launch<shift>(1, kThreads, 0, nullptr, from, y.data(), 1); },
      {"out of bounds: writes 4 bytes at 256 of an allocation of 256 bytes", "shift", "thread (63, 0, 0)"});
  expectReport([&] { launch<shiftFrom>(1, kThreads, 0, nullptr, from, y.data(), 1); },
               {"out of bounds: reads"});
  expectReport([&] { launch<shiftFrom>(1, kThreads, 0, nullptr, from, y.data(), -1); },
               {"out of bounds: reads"});
}

TEST("memory that was freed may not be used") {
  const auto y = onDevice(counting());
  const float* gone = onDevice(counting()).data();
  expectReport([&] { launch<shift>(1, kThreads, 0, nullptr, gone, y.data(), 0); }, {"out of bounds: reads"});
}

TEST("accesses outside shared memory are reported") {
  runOn<sharedIndex>(0, 0);
  expectReport([] { runOn<sharedIndex>(0, 1); }, {"out of bounds: ", "thread (63, 0, 0)"});
  runOn<dynamicIndex>(sizeof(Tile), 0);
  expectReport([] { runOn<dynamicIndex>(sizeof(Tile), 1); },
               {"out of bounds: writes 4 bytes at 256 of shared memory"});
}

TEST("a misaligned access is reported") {
  const auto x = onDevice(std::vector<char>(64)), y = onDevice(std::vector<char>(64));
  const char* from = x.data();
  auto* to = reinterpret_cast<float*>(y.data());
  launch<readSixteen>(1, 1, 0, nullptr, from, to, 16);
  expectReport([&] { launch<readSixteen>(1, 1, 0, nullptr, from, to, 4); }, {"misaligned: reads 16 bytes"});
}

TEST("atomics need no barrier among themselves, and one towards other uses") {
  inEveryOrder([] {
    for (const float value : runOn<addAll<true, true>>(0)) expect(value == kThreads, "the sum is ", value);
    expectReport([] { runOn<addAll<false, true>>(0); }, {"race: ", "addAll<false, true>"});
    expectReport([] { runOn<addAll<true, false>>(0); }, {"race: ", "addAll<true, false>"});
    const auto y = runOn<addOutside>(0, 10);
    expect(reinterpret_cast<const unsigned long long&>(y[0]) <= 100 - 9 + kThreads,
           "the least number is not kept");
  });
  expectReport([] { runOn<addOutside>(0, -1); }, {"out of bounds: writes 8 bytes"});
}

TEST("shared and global memory are born as NaN") {
  for (const float value : runOn<bornAsNaN>(0)) expect(std::isnan(value), "shared memory starts as ", value);
  for (const float value : onHost(facenet::cuda::DeviceBuffer<float>(8)))
    expect(std::isnan(value), "global memory starts as ", value);
}

TEST("a launch that a device would refuse is refused") {
  expectReport([] { launch<bornAsNaN>(1, 1025, 0, nullptr, static_cast<float*>(nullptr)); },
               {"invalid configuration"});
  expectReport([] { launch<bornAsNaN>(1, 32, 164 * 1024, nullptr, static_cast<float*>(nullptr)); },
               {"at most 166912 bytes of shared memory"});
}

TEST("copies outside an allocation are refused, and memory can run out") {
  options().deviceBytes = 1024;
  std::vector<float> values(64);
  facenet::cuda::DeviceBuffer<float> buffer(32);
  expect(cudaMemcpy(buffer.data(), values.data(), 256, cudaMemcpyHostToDevice) == cudaErrorInvalidValue,
         "too long");
  cudaGetLastError();
  expectReport([] { facenet::cuda::DeviceBuffer<float> large(1024); }, {"out of memory"});
}

}  // namespace
}  // namespace emulator::tests
