// Reductions over the pixels of a batch, one result per channel: the blocks of a first kernel reduce one split of the
// pixels each, a second kernel merges the splits. Splits follow from the shape alone and all merging has a fixed
// order, so results are the same on every device.
#pragma once

#include "cuda/common/pixel_grid.cuh"

namespace facenet::cuda {

constexpr int kMaxSplitBlocks = 512;  // what an H200 runs at once, four per multiprocessor
constexpr int kMinPixelsPerThread = 8;

// What has been reduced of a channel: words that merge with those of other pixels.
template <int Kinds>
struct Sums {
  static constexpr int kWords = Kinds;
  float words[Kinds] = {};

  __device__ __forceinline__ void merge(const Sums& other) {
#pragma unroll
    for (int k = 0; k < Kinds; ++k) words[k] += other.words[k];
  }
};

// Mean, sum of squared deviations from it, and count (Welford; Chan, Golub and LeVeque): nothing cancels,
// however large the mean is.
struct Moments {
  static constexpr int kWords = 3;
  float words[3] = {};

  __device__ __forceinline__ float mean() const { return words[0]; }
  __device__ __forceinline__ float variance() const { return words[1] / words[2]; }
  __device__ __forceinline__ void merge(const Moments& other) {
    if (other.words[2] == 0.f) return;
    const float count = words[2] + other.words[2], share = other.words[2] / count;
    const float difference = other.words[0] - words[0];
    words[0] = fmaf(difference, share, words[0]);
    words[1] += fmaf(difference * difference, words[2] * share, other.words[1]);
    words[2] = count;
  }
};

// Floats between arrays of one value per channel that kernels read by 16 bytes.
constexpr int64_t channelPitch(int64_t channels) {
  return roundUp(channels, kChannelPadding);
}

// How pixels are cut, N channels per thread: a block has `groups` of N channels and `rows` pixels at a time.
struct PixelSplits {
  int64_t pixels, pixelsPerSplit;
  int64_t pitch;  // floats of a word of all channels
  int count, channels, groups, rows;
};
struct SplitLaunch {
  PixelSplits splits;
  dim3 grid;
  unsigned threads;
};
inline SplitLaunch splitPixels(int64_t pixels, int64_t channels, int64_t n) {
  const int64_t all = ceilDivide(channels, n), groups = std::min<int64_t>(all, kPixelThreads);
  const int64_t slabs = ceilDivide(all, groups), rows = kPixelThreads / groups;
  FACENET_ASSERT(channels <= (1 << 24) && slabs <= 65535);
  const int64_t maxSplits = std::max<int64_t>(kMaxSplitBlocks / slabs, 1);
  const int64_t wanted = std::clamp<int64_t>(pixels / (rows * kMinPixelsPerThread), 1, maxSplits);
  const int64_t each = std::max<int64_t>(ceilDivide(pixels, wanted), 1);
  const int64_t count = std::max<int64_t>(ceilDivide(pixels, each), 1);
  return {{pixels, each, channelPitch(channels), static_cast<int>(count), static_cast<int>(channels),
           static_cast<int>(groups), static_cast<int>(rows)},
          dim3(static_cast<unsigned>(count), static_cast<unsigned>(slabs)),
          static_cast<unsigned>(roundUp(groups * rows, kWarpSize))};
}

// Floats that the splits' parts take, whatever width the kernels have.
inline int64_t partialFloats(int64_t pixels, int64_t channels, int words) {
  int64_t most = 0;
  for (const int64_t n : {1, 4, 8})
    most = std::max<int64_t>(most, splitPixels(pixels, channels, n).splits.count);
  return most * words * channelPitch(channels);
}

// What a thread has of its block's split: its pixels are begin, begin + stride, ... below end.
template <int N>
struct SplitThread {
  int channel, valid;  // its first channel, and how many of N there are
  int row;
  int64_t begin, end, stride;

  __device__ __forceinline__ explicit SplitThread(const PixelSplits& splits) {
    const int group = static_cast<int>(threadIdx.x) % splits.groups;
    row = static_cast<int>(threadIdx.x) / splits.groups;
    channel = (static_cast<int>(blockIdx.y) * splits.groups + group) * N;
    valid = row < splits.rows ? max(min(splits.channels - channel, N), 0) : 0;
    const int64_t first = int64_t{blockIdx.x} * splits.pixelsPerSplit;
    begin = first + row;
    end = valid > 0 ? min(first + splits.pixelsPerSplit, splits.pixels) : 0;
    stride = splits.rows;
  }
};

template <class Part, int N, int Threads>
struct SharedParts {
  float words[N][Part::kWords][Threads];
};

// Merges the parts of a block's rows, `width` threads each, into those of row 0. All threads call it.
template <int Threads, class Part, int N>
__device__ __forceinline__ void mergeRows(int row, int rows, int width, Part (&parts)[N]) {
  auto& words = shared<SharedParts<Part, N, Threads>>().words;
  const int thread = static_cast<int>(threadIdx.x);
  const auto store = [&] {
#pragma unroll
    for (int i = 0; i < N; ++i)
#pragma unroll
      for (int word = 0; word < Part::kWords; ++word) words[i][word][thread] = parts[i].words[word];
  };
  store();
  for (int left = rows; left > 1;) {
    const int half = ceilDivide(left, 2);
    __syncthreads();
    if (row + half < left) {
      const int other = thread + half * width;
#pragma unroll
      for (int i = 0; i < N; ++i) {
        Part part;
#pragma unroll
        for (int word = 0; word < Part::kWords; ++word) part.words[word] = words[i][word][other];
        parts[i].merge(part);
      }
      store();
    }
    left = half;
  }
}

// Merges what the block's threads have and stores it as the split's: parts[split][word][channel].
template <class Part, int N>
__device__ __forceinline__ void storePartial(const PixelSplits& splits, const SplitThread<N>& thread,
                                             Part (&parts)[N], float* to) {
  mergeRows<kPixelThreads>(thread.row, splits.rows, splits.groups, parts);
  if (thread.row > 0 || thread.valid == 0) return;
#pragma unroll
  for (int word = 0; word < Part::kWords; ++word) {
    float* line = to + (int64_t{blockIdx.x} * Part::kWords + word) * splits.pitch + thread.channel;
    constexpr int kStep = N < 4 ? N : 4;
#pragma unroll
    for (int i = 0; i < N; i += kStep) {
      float some[kStep];
#pragma unroll
      for (int k = 0; k < kStep; ++k) some[k] = parts[i + k].words[word];
      storeNumbers(some, kStep, line + i);
    }
  }
}

constexpr int kMergeChannels = 32, kMergeRows = 16, kMergeThreads = kMergeChannels * kMergeRows;

// finish(channel, its part), with the parts of all splits merged.
// Registers: at most 48.
template <class Part, class Finish>
__global__ void __launch_bounds__(kMergeThreads, 2)
    mergeSplitsKernel(const float* parts, PixelSplits splits, Finish finish) {
  const int row = static_cast<int>(threadIdx.x) / kMergeChannels;
  const int channel =
      static_cast<int>(blockIdx.x) * kMergeChannels + static_cast<int>(threadIdx.x) % kMergeChannels;
  Part merged[1];
  if (channel < splits.channels) {
#pragma unroll 4
    for (int split = row; split < splits.count; split += kMergeRows) {
      Part part;
#pragma unroll
      for (int word = 0; word < Part::kWords; ++word)
        part.words[word] = parts[(int64_t{split} * Part::kWords + word) * splits.pitch + channel];
      merged[0].merge(part);
    }
  }
  mergeRows<kMergeThreads>(row, kMergeRows, kMergeChannels, merged);
  if (row == 0 && channel < splits.channels) finish(channel, merged[0]);
}

template <class Part, class Finish>
void mergeSplits(const float* parts, const PixelSplits& splits, const Finish& finish, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(ceilDivide(splits.channels, kMergeChannels));
  launch<mergeSplitsKernel<Part, Finish>>(blocks, kMergeThreads, 0, stream, parts, splits, finish);
}

}  // namespace facenet::cuda
