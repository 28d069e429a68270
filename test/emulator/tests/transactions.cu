// What the emulator counts of accesses: the phases of shared memory, and the sectors of global memory.
#include "cuda/common/device.cuh"
#include "test/kernels/test.h"

namespace emulator::tests {
namespace {

using facenet::cuda::dynamicShared;
using facenet::cuda::launch;

constexpr int kThreads = 64;

// Each lane reads one value (Value: float) or 16 bytes (float4), `stride` values apart.
template <class Value>
__global__ void readColumns(float* y, int stride) {
  auto* values = reinterpret_cast<Value*>(dynamicShared());
  const Value value = values[threadIdx.x * stride];
  y[threadIdx.x] = *reinterpret_cast<const float*>(&value);
}

__global__ void copy(const float* x, float* y) {
  y[threadIdx.x] = x[threadIdx.x];
}

template <class Value>
void read(size_t sharedBytes, int stride) {
  const auto y = onDevice(std::vector<float>(kThreads));
  launch<readColumns<Value>>(1, kThreads, sharedBytes, nullptr, y.data(), stride);
}

TEST("bank conflicts are counted as phases") {
  const auto phases = [](auto run) {
    const Counters c = count(run);
    return std::pair(c.sharedPhases, c.sharedPhasesIdeal);
  };
  const size_t bytes = 64 * 32 * 16;
  // Two warps: a phase each without conflicts, two and 32 with strides of 2 and 32 words.
  expect(phases([&] { read<float>(bytes, 1); }) == std::pair<int64_t, int64_t>(2, 2), "stride 1");
  expect(phases([&] { read<float>(bytes, 2); }) == std::pair<int64_t, int64_t>(4, 2), "stride 2");
  expect(phases([&] { read<float>(bytes, 32); }) == std::pair<int64_t, int64_t>(64, 2), "stride 32");
  // 16 bytes per lane: four passes per warp; at a stride of 32 bytes two lanes of a pass share each bank.
  expect(phases([&] { read<float4>(bytes, 1); }) == std::pair<int64_t, int64_t>(8, 8), "16 bytes");
  expect(phases([&] { read<float4>(bytes, 2); }) == std::pair<int64_t, int64_t>(16, 8), "32 bytes");
}

TEST("global bytes and sectors are counted") {
  const auto x = onDevice(std::vector<float>(kThreads)), y = onDevice(std::vector<float>(kThreads));
  const Counters c =
      count([&] { launch<copy>(1, kThreads, 0, nullptr, static_cast<const float*>(x.data()), y.data()); });
  expect(c.globalBytesRead == 256 && c.globalBytesWritten == 256, c.globalBytesRead, " ",
         c.globalBytesWritten);
  expect(c.globalSectors == 16 && c.globalSectorsIdeal == 16, c.globalSectors);
}

}  // namespace
}  // namespace emulator::tests
