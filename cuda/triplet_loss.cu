#include "cuda/triplet_loss.cuh"
#include "cuda/triplet_pairs.cuh"
#include "cuda/triplet_sums.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256, kSlotsPerThread = 8;
constexpr int kSlotsPerBlock = kThreads * kSlotsPerThread;
constexpr int kScanThreads = 1024;
constexpr int kRowThreads = 128, kRowWarps = kRowThreads / kWarpSize;
constexpr int kSlab = 2048;  // columns whose counts a block has at once

// The triplet of a slot.
struct Slot {
  bool valid;
  int anchor, positive, negative;
  float positiveDistance, negativeDistance;

  __device__ __forceinline__ Slot(const LossBatch& batch, int64_t slot) : valid(slot < batch.count) {
    const DistanceKey key = valid ? batch.slots.negatives[slot] : kNoKey;
    valid = key != kNoKey;
    if (!valid) return;
    anchor = batch.slots.anchors[slot], positive = batch.slots.positives[slot];
    negative = rowOf(key);
    positiveDistance = batch.slots.positiveDistances[slot];
    negativeDistance = distanceOf(key);
  }
  __device__ __forceinline__ float hinge(float margin) const {
    return (positiveDistance + margin) - negativeDistance;
  }
};

__device__ __forceinline__ float squaredDistance(const float* a, const float* b, int dimensions) {
  float sum = 0;
#pragma unroll 4
  for (int k = 0; k < dimensions; ++k) {
    const float difference = a[k] - b[k];
    sum = fmaf(difference, difference, sum);
  }
  return sum;
}

// One thread per slot.
// Registers: at most 40.
__global__ void __launch_bounds__(kThreads) measureKernel(LossBatch batch, const int32_t* negatives) {
  const int64_t slot = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (slot >= batch.count) return;
  const auto row = [&](int32_t i) { return batch.x + int64_t{i} * batch.dimensions; };
  const float* anchor = row(batch.slots.anchors[slot]);
  const int32_t negative = negatives[slot];
  batch.slots.positiveDistances[slot] =
      squaredDistance(anchor, row(batch.slots.positives[slot]), batch.dimensions);
  const float distance = squaredDistance(anchor, row(negative), batch.dimensions);
  batch.slots.negatives[slot] = keyOf(distance, negative);
}

// The sums of a block's slots, and how many parts each row has.
// Registers: at most 64.
__global__ void __launch_bounds__(kThreads) sumSlotsKernel(LossBatch batch) {
  TripletSums sums{};
#pragma unroll 1
  for (int i = 0; i < kSlotsPerThread; ++i) {
    const Slot slot(batch, int64_t{blockIdx.x} * kSlotsPerBlock + i * kThreads + threadIdx.x);
    if (!slot.valid) continue;
    ++sums.triplets;
    sums.positiveDistances += slot.positiveDistance;
    sums.negativeDistances += slot.negativeDistance;
    const float hinge = slot.hinge(batch.margin);
    if (!(hinge > 0)) continue;
    ++sums.active;
    sums.loss += hinge;
    atomicAdd(batch.ends + slot.anchor, 1);
    atomicAdd(batch.ends + slot.positive, 1);
    atomicAdd(batch.ends + slot.negative, 1);
  }
  const TripletSums total = sumOfBlock<kThreads>(sums);
  if (threadIdx.x == 0) batch.partial[blockIdx.x] = total;
}

// Numbers of parts become where the parts of each row begin. One block: a thread has neighbouring rows.
// Registers: at most 40.
__global__ void __launch_bounds__(kScanThreads) scanKernel(int32_t* ends, int64_t n) {
  const int64_t share = ceilDivide(n, kScanThreads);
  const int64_t begin = min(int64_t{threadIdx.x} * share, n), end = min(begin + share, n);
  int sum = 0;
  for (int64_t i = begin; i < end; ++i) sum += ends[i];
  int before = warpInclusiveSum(sum);
  int* totals = shared<WarpValues<int, kScanThreads>>().of;
  if (laneOf() == kWarpSize - 1) totals[warpOf()] = before;
  __syncthreads();
  before -= sum;
  for (int warp = 0; warp < warpOf(); ++warp) before += totals[warp];
  for (int64_t i = begin; i < end; ++i) {
    const int count = ends[i];
    ends[i] = before;
    before += count;
  }
}

// Puts each part to its row. A row's begin so becomes its end, and its parts have no order.
// Registers: at most 40.
__global__ void __launch_bounds__(kThreads) placePartsKernel(LossBatch batch) {
  const Slot slot(batch, int64_t{blockIdx.x} * kThreads + threadIdx.x);
  if (!slot.valid || !(slot.hinge(batch.margin) > 0)) return;
  const auto put = [&](int row, int plus, int minus) {
    batch.parts[atomicAdd(batch.ends + row, 1)] = {plus, minus};
  };
  put(slot.anchor, slot.negative, slot.positive);
  put(slot.positive, slot.positive, slot.anchor);
  put(slot.negative, slot.anchor, slot.negative);
}

// How often a row counts with each column of a slab: by column, and then without zeros and as the bits of floats.
struct RowCounts {
  int counts[kSlab];
  uint16_t columns[kSlab];
  int totals[2][kRowWarps];
};

__device__ __forceinline__ void countParts(RowCounts& row, const GradientPart* parts, int begin, int end,
                                           int64_t first, int width) {
  for (int i = static_cast<int>(threadIdx.x); i < width; i += kRowThreads) row.counts[i] = 0;
  __syncthreads();
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += kRowThreads) {
    const int64_t plus = parts[i].plus - first, minus = parts[i].minus - first;
    if (plus >= 0 && plus < width) atomicAdd(row.counts + plus, 1);
    if (minus >= 0 && minus < width) atomicAdd(row.counts + minus, -1);
  }
  __syncthreads();
}

// Moves the counts that are not zero to the front, ascending and as floats, and returns how many they are.
__device__ __forceinline__ int compact(RowCounts& row, int width) {
  int entries = 0;
  for (int base = 0, round = 0; base < width; base += kRowThreads, ++round) {
    const int column = base + static_cast<int>(threadIdx.x);
    const int count = column < width ? row.counts[column] : 0;
    const unsigned lanes = __ballot_sync(~0u, count != 0);
    int* totals = row.totals[round % 2];
    if (laneOf() == 0) totals[warpOf()] = __popc(lanes);
    __syncthreads();  // all have read their counts, so those at the front can go
    int at = entries + __popc(lanes & lanesBefore());
    for (int warp = 0; warp < kRowWarps; ++warp) {
      if (warp < warpOf()) at += totals[warp];
      entries += totals[warp];
    }
    if (count == 0) continue;
    row.counts[at] = static_cast<int>(__float_as_uint(static_cast<float>(count)));
    row.columns[at] = static_cast<uint16_t>(column);
  }
  __syncthreads();
  return entries;
}

// One block per row: a thread has every 128th dimension.
// Registers: at most 80.
__global__ void __launch_bounds__(kRowThreads, 6)
    tripletGradientKernel(LossBatch batch, bool mean, float* gradient) {
  const float share = mean ? 1 / static_cast<float>(batch.sums->triplets) : 1;
  if (mean && batch.sums->triplets == 0) return;
  RowCounts& row = shared<RowCounts>();
  const int64_t index = blockIdx.x;
  const int begin = index == 0 ? 0 : batch.ends[index - 1], end = batch.ends[index];
  float* out = gradient + index * batch.dimensions;
  for (int64_t first = 0; first < batch.n; first += kSlab) {
    const int width = static_cast<int>(min(batch.n - first, int64_t{kSlab}));
    countParts(row, batch.parts, begin, end, first, width);
    const int entries = compact(row, width);
    const bool last = first + kSlab >= batch.n;
    for (int k = static_cast<int>(threadIdx.x); k < batch.dimensions; k += kRowThreads) {
      const float* x = batch.x + first * batch.dimensions + k;
      float sum = first == 0 ? 0 : out[k];
#pragma unroll 8
      for (int i = 0; i < entries; ++i)
        sum = fmaf(__uint_as_float(static_cast<unsigned>(row.counts[i])),
                   x[int64_t{row.columns[i]} * batch.dimensions], sum);
      out[k] = last ? sum * 2 * share : sum;
    }
    __syncthreads();
  }
}

}  // namespace

int64_t lossBlocks(int64_t count) {
  return blocksOf(count, kSlotsPerBlock);
}

void measureTriplets(const LossBatch& batch, const int32_t* negatives, cudaStream_t stream) {
  if (batch.count == 0) return;
  launch<measureKernel>(blocksOf(batch.count, kThreads), kThreads, 0, stream, batch, negatives);
}

void sumTriplets(const LossBatch& batch, cudaStream_t stream) {
  FACENET_ASSERT(batch.count <= int64_t{1} << 28 && batch.n < int64_t{1} << 31);
  FACENET_CUDA_CHECK(cudaMemsetAsync(batch.ends, 0, static_cast<size_t>(batch.n) * sizeof(int32_t), stream));
  if (batch.count > 0)
    launch<sumSlotsKernel>(blocksOf(batch.count, kSlotsPerBlock), kThreads, 0, stream, batch);
  addTripletSums(batch.partial, lossBlocks(batch.count), batch.sums, stream);
  if (batch.count == 0) return;
  launch<scanKernel>(1, kScanThreads, 0, stream, batch.ends, batch.n);
  launch<placePartsKernel>(blocksOf(batch.count, kThreads), kThreads, 0, stream, batch);
}

void tripletGradient(const LossBatch& batch, bool mean, float* gradient, cudaStream_t stream) {
  if (batch.n == 0) return;
  launch<tripletGradientKernel>(blocksOf(batch.n, 1), kRowThreads, 0, stream, batch, mean, gradient);
}

}  // namespace facenet::cuda
