// The products of a stem's tile: on tensor cores, and with fused multiply-adds. Both have the form
//   kRows          of kStemWidth output pixels that a block computes at once
//   loadWeights    brings a block's columns to shared memory
//   multiply       adds the tile's terms up
//   forEachPixel   body(row, x, first column of eight, eight sums)
#pragma once

#include "cuda/conv2d/forward/mma_copy.cuh"
#include "cuda/conv2d/forward/stem_patch.cuh"

namespace facenet::cuda {

// A warp has kWarpRows rows of 16 pixels; a row is an mma's 16.
template <class T, int Columns>
class StemMma {
 public:
  static constexpr int kWarpRows = 128 / Columns, kRows = kWarpRows * kStemWarps, kColumns = Columns;

  // Rows of shared memory are an odd number of 16 bytes apart: eight of them fall on all banks.
  static __host__ __device__ int weightRowBytes(int terms) { return (ceilDivide(terms, 16) * 2 + 1) * 16; }
  static __host__ __device__ int weightBytes(int terms) { return Columns * weightRowBytes(terms); }

  static __device__ __forceinline__ void loadWeights(const StemArguments& a, int firstColumn, char* weights) {
    const int rowBytes = weightRowBytes(a.terms);
    for (int column = warpOf(); column < Columns; column += kStemWarps)
      for (int chunk = laneOf(); chunk * 16 < rowBytes; chunk += kWarpSize) {
        const bool exists = firstColumn + column < a.columns && chunk * 8 < a.terms;
        const T* from = static_cast<const T*>(a.weight);
        if (exists) from += int64_t{firstColumn + column} * a.terms + chunk * 8;
        ptx::copyAsync<16>(weights + sharedRowOfColumn(column) * rowBytes + chunk * 16, from, exists);
      }
  }

  // A step has two runs of eight terms, each in one row of the window.
  __device__ __forceinline__ void multiply(const StemArguments& a, const uint32_t* patch,
                                           const char* weights) {
    const int lane = laneOf(), g = lane / 4, t = lane % 4;
    const int apart = a.strideWidth * a.channels, rowWords = a.strideHeight * a.pitch;
    // Pixel g begins at number g * apart: where that is odd, the shifted words have it at a word's beginning.
    const uint32_t* const first =
        patch + warpOf() * kWarpRows * rowWords + g * apart / 2 + (g * apart % 2 ? a.shifted : 0) + t;
    const int rowBytes = weightRowBytes(a.terms), runsPerRow = a.rowTerms / 8;
    const uint32_t lastMask = maskOf(a.windowTerms - (runsPerRow - 1) * 8 - 2 * t);
    const char* const columns = weights + (lane / 16 * 8 + lane % 8) * rowBytes + lane / 8 % 2 * 16;
#pragma unroll
    for (auto& row : sums_)
      for (auto& tile : row)
        for (float& sum : tile) sum = 0.f;

    int ky = 0, run = 0;  // of the next run
    for (int step = 0; step < ceilDivide(a.terms, 16); ++step) {
      uint32_t pixels[kWarpRows][4];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        // What the row's last run has beyond the window is no term, and may be anything.
        const uint32_t mask = ky >= a.kernelHeight ? 0u : run == runsPerRow - 1 ? lastMask : ~0u;
        const uint32_t* const from = ky >= a.kernelHeight ? first : first + ky * a.pitch + run * 4;
#pragma unroll
        for (int m = 0; m < kWarpRows; ++m) {
          pixels[m][half * 2] = from[m * rowWords] & mask;
          pixels[m][half * 2 + 1] = from[m * rowWords + 4 * apart] & mask;
        }
        if (++run == runsPerRow) run = 0, ++ky;
      }
#pragma unroll
      for (int n = 0; n < Columns / 8; n += 2) {
        uint32_t both[4];
        ptx::loadMatrix(both, columns + n * 8 * rowBytes + step * 32);
        const uint32_t one[2] = {both[0], both[1]}, other[2] = {both[2], both[3]};
#pragma unroll
        for (int m = 0; m < kWarpRows; ++m) {
          ptx::multiplyAdd(Element<T>{}, sums_[m][n], pixels[m], one);
          ptx::multiplyAdd(Element<T>{}, sums_[m][n + 1], pixels[m], other);
        }
      }
    }
  }

  template <class Body>
  __device__ __forceinline__ void forEachPixel(Body body) const {
    const int lane = laneOf();
#pragma unroll
    for (int n32 = 0; n32 < Columns / 32; ++n32) {
      auto store = body(n32 * 32 + lane % 4 * 8);
#pragma unroll
      for (int m = 0; m < kWarpRows; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float sums[8];
#pragma unroll
          for (int i = 0; i < 8; ++i) sums[i] = sums_[m][n32 * 4 + i / 2][half * 2 + i % 2];
          store(warpOf() * kWarpRows + m, lane / 4 + half * 8, sums);
        }
    }
  }

 private:
  // Of two numbers of a word, the first `count`.
  static __device__ __forceinline__ uint32_t maskOf(int count) {
    return count >= 2 ? ~0u : count == 1 ? 0xffffu : 0u;
  }

  float sums_[kWarpRows][Columns / 8][4];
};

// A thread has eight columns and kPixels neighbouring pixels of a row.
template <int Columns>
class StemMultiplyAdd {
 public:
  static constexpr int kRows = 8, kColumns = Columns;
  static constexpr int kLanes = Columns / 8;  // that share a pixel
  static constexpr int kPixels = kRows * kStemWidth * kLanes / kStemThreads;
  static constexpr int kRunsPerRow = kStemWidth / kPixels;

  static __host__ __device__ int weightBytes(int terms) { return Columns * terms * 4; }

  // A lane's first four columns lie before all lanes' last four, so that lanes read neighbouring 16 bytes.
  static __device__ __forceinline__ void loadWeights(const StemArguments& a, int firstColumn, char* weights) {
    for (int i = static_cast<int>(threadIdx.x); i < a.terms * (Columns / 4); i += kStemThreads) {
      const int term = i / (Columns / 4), slot = i % (Columns / 4);
      const int column = firstColumn + slot % kLanes * 8 + slot / kLanes * 4;
      const float* from = static_cast<const float*>(a.weight);
      if (column < a.columns) from += int64_t{term} * a.columns + column;
      ptx::copyAsync<16>(weights + i * 16, from, column < a.columns);
    }
  }

  __device__ __forceinline__ void multiply(const StemArguments& a, const uint32_t* patch,
                                           const char* weights) {
    const int apart = a.strideWidth * a.channels;
    const auto* const first =
        reinterpret_cast<const float*>(patch) + row() * a.strideHeight * a.pitch + x() * apart;
    const auto* fours = reinterpret_cast<const float4*>(weights) + lane();
#pragma unroll
    for (auto& pixel : sums_)
      for (float& sum : pixel) sum = 0.f;
    for (int ky = 0; ky < a.kernelHeight; ++ky) {
      for (int inRow = 0; inRow < a.rowTerms; ++inRow, fours += Columns / 4) {
        const float4 low = fours[0], high = fours[kLanes];
        const float columns[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
        for (int p = 0; p < kPixels; ++p) {
          const float number = first[ky * a.pitch + inRow + p * apart];
#pragma unroll
          for (int i = 0; i < 8; ++i) sums_[p][i] += number * columns[i];
        }
      }
    }
  }

  template <class Body>
  __device__ __forceinline__ void forEachPixel(Body body) const {
    auto store = body(lane() * 8);
#pragma unroll
    for (int p = 0; p < kPixels; ++p) {
      float sums[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[i] = sums_[p][i];
      store(row(), x() + p, sums);
    }
  }

 private:
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % kLanes; }
  static __device__ __forceinline__ int run() { return static_cast<int>(threadIdx.x) / kLanes; }
  static __device__ __forceinline__ int row() { return run() / kRunsPerRow; }
  static __device__ __forceinline__ int x() { return run() % kRunsPerRow * kPixels; }

  float sums_[kPixels][8];
};

}  // namespace facenet::cuda
