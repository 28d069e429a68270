#include "native/backends/cpu/search/int8_index.h"

#include <algorithm>
#include <cstring>

#include "native/backends/cpu/backend.h"
#include "native/backends/cpu/search/queries.h"
#include "native/core/integers.h"
#include "native/core/thread_pool.h"

namespace facenet::cpu {
namespace {

// Of a block: the scale, then sums, squares, rests and lengths of its rows, then the tiles.
constexpr int64_t kScaleBytes = 64;
constexpr int64_t kColumnBytes = roundUp<int64_t>(kInt8BlockRows * 4, 64);
constexpr int64_t kHeadBytes = kScaleBytes + 4 * kColumnBytes;

}  // namespace

Int8Layout::Int8Layout(int64_t dimensions)
    : dimensions_(dimensions),
      groups_(ceilDivide<int64_t>(dimensions, 4)),
      centerBytes_(roundUp<int64_t>(dimensions * 4, 64)),
      blockBytes_(kHeadBytes + roundUp<int64_t>(kInt8BlockRows * groups_ * 4, 64)) {}

int64_t Int8Layout::indexBytes(int64_t rows) const {
  return centerBytes_ + ceilDivide(rows, kInt8BlockRows) * blockBytes_;
}

void Int8Layout::write(const float* rows, int64_t count, const float* center, std::byte* block) const {
  std::memset(block, 0, blockBytes_);
  std::byte* const columns = block + kScaleBytes;
  const float scale = int8Kernels()->quantize(
      rows, count, dimensions_, center, reinterpret_cast<int8_t*>(block + kHeadBytes),
      reinterpret_cast<int32_t*>(columns), reinterpret_cast<float*>(columns + kColumnBytes),
      reinterpret_cast<float*>(columns + 2 * kColumnBytes),
      reinterpret_cast<float*>(columns + 3 * kColumnBytes));
  std::memcpy(block, &scale, sizeof scale);
}

Int8Rows Int8Layout::read(const std::byte* block) const {
  const std::byte* const columns = block + kScaleBytes;
  return {.tiles = reinterpret_cast<const int8_t*>(block + kHeadBytes),
          .scale = *reinterpret_cast<const float*>(block),
          .sums = reinterpret_cast<const int32_t*>(columns),
          .squares = reinterpret_cast<const float*>(columns + kColumnBytes),
          .rests = reinterpret_cast<const float*>(columns + 2 * kColumnBytes),
          .lengths = reinterpret_cast<const float*>(columns + 3 * kColumnBytes)};
}

int64_t CpuBackend::indexBytes(int64_t rows, int64_t dimensions) const {
  return int8Kernels() && dimensions <= kInt8MaxDimensions ? Int8Layout(dimensions).indexBytes(rows) : 0;
}

// Whole blocks, from the one that `from` lies in. The centre is that of the first rows: any is right.
void CpuBackend::indexRows(const IndexTask& task, std::byte* index) const {
  const Int8Layout layout(task.dimensions);
  auto* const center = reinterpret_cast<float*>(index);
  if (task.from == 0) {
    const std::vector<float> mean = centerOf(task.gallery, task.rows, task.dimensions);
    std::copy(mean.begin(), mean.end(), center);
  }
  const int64_t first = task.from / kInt8BlockRows, blocks = ceilDivide(task.rows, kInt8BlockRows) - first;
  ThreadPool pool(static_cast<int>(std::clamp<int64_t>(blocks, 1, task.threads)));
  pool.run(blocks, [&](int64_t item, int) {
    task.throwIfCancelled();
    const int64_t row = (first + item) * kInt8BlockRows;
    layout.write(task.gallery + row * task.dimensions, std::min(kInt8BlockRows, task.rows - row), center,
                 layout.block(index, first + item));
  });
}

}  // namespace facenet::cpu
