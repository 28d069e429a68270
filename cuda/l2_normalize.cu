#include <algorithm>

#include "cuda/device.cuh"
#include "cuda/l2_normalize.cuh"

namespace facenet::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
// Rows up to this length get a warp each: 32 lanes x 8 loads of 16 bytes. Longer rows get a block.
constexpr int64_t kLongestWarpRow = 1024;
constexpr int64_t kMaxBlocks = 65535;

__device__ inline float square(float v) {
  return v * v;
}
__device__ inline float square(float4 v) {
  return v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
}
__device__ inline float divide(float v, float norm) {
  return v / norm;
}
__device__ inline float4 divide(float4 v, float norm) {
  return make_float4(v.x / norm, v.y / norm, v.z / norm, v.w / norm);
}

__device__ inline float warpSum(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(~0u, value, distance);
  return value;
}

struct Partial {
  float ofWarp[kWarps];
};

// The sum over all threads of the block, in every thread. The order of additions is fixed.
__device__ inline float blockSum(float value) {
  float(&partial)[kWarps] = shared<Partial>().ofWarp;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  value = warpSum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = warpSum(lane < kWarps ? partial[lane] : 0.f);
  __syncthreads();  // `partial` is free for the block's next row
  return value;
}

// One warp (WholeBlock: one block) a row, in strides over the grid. `length` counts Values, float or float4.
// The second read of a row comes from the cache. Each thread writes what only it has read, so y may be x.
template <class Value, bool WholeBlock>
__global__ void __launch_bounds__(kThreads)
    l2NormalizeKernel(const Value* x, int64_t rows, int64_t length, float epsilon, Value* y) {
  constexpr int kTeam = WholeBlock ? kThreads : kWarp;
  constexpr int kTeams = kThreads / kTeam;
  const int member = threadIdx.x % kTeam, team = threadIdx.x / kTeam;
  for (int64_t row = int64_t{blockIdx.x} * kTeams + team; row < rows; row += int64_t{gridDim.x} * kTeams) {
    const Value* from = x + row * length;
    Value* to = y + row * length;
    float squares = 0;
    for (int64_t i = member; i < length; i += kTeam) squares += square(from[i]);
    squares = WholeBlock ? blockSum(squares) : warpSum(squares);
    const float norm = fmaxf(sqrtf(squares), epsilon);
    for (int64_t i = member; i < length; i += kTeam) to[i] = divide(from[i], norm);
  }
}

template <class Value>
void launchOn(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
              cudaStream_t stream) {
  const bool wholeBlock = dimensions > kLongestWarpRow;
  const int64_t teams = wholeBlock ? 1 : kWarps;
  const auto blocks = static_cast<unsigned>(std::min((rows + teams - 1) / teams, kMaxBlocks));
  const int64_t length =
      dimensions * static_cast<int64_t>(sizeof(float)) / static_cast<int64_t>(sizeof(Value));
  const auto* from = reinterpret_cast<const Value*>(x);
  auto* to = reinterpret_cast<Value*>(y);
  if (wholeBlock)
    launch<l2NormalizeKernel<Value, true>>(blocks, kThreads, 0, stream, from, rows, length, epsilon, to);
  else
    launch<l2NormalizeKernel<Value, false>>(blocks, kThreads, 0, stream, from, rows, length, epsilon, to);
}

bool aligned16(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % sizeof(float4) == 0;
}

}  // namespace

void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
                     cudaStream_t stream) {
  FACENET_ASSERT(rows >= 0 && dimensions > 0 && epsilon >= 0);
  if (rows == 0) return;
  if (dimensions % 4 == 0 && aligned16(x) && aligned16(y))
    launchOn<float4>(x, rows, dimensions, epsilon, y, stream);
  else
    launchOn<float>(x, rows, dimensions, epsilon, y, stream);
}

}  // namespace facenet::cuda
