// Functions of rows of any number: they stream through buffers of a few hundred megabytes.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cuda/l2_normalize.cuh"
#include "cuda/pairwise_distance.cuh"
#include "cuda/top_k.cuh"
#include "native/backends/cuda/backend.h"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/backends/cuda/runtime/stream.h"
#include "native/core/cancel.h"

namespace facenet::cuda {
namespace {

// Of one buffer. Large enough that copies and kernels run at full speed.
constexpr int64_t kPieceBytes = int64_t{256} << 20;

// Of a gallery, of which there are two in pinned memory too.
constexpr int64_t kGalleryBytes = int64_t{64} << 20;
constexpr int64_t kMaxRows = int64_t{1} << 22;  // that pairwiseDistances takes at once, and to spare

// How many of `count` rows of `bytes` each fit in a buffer; at least one.
int64_t rowsAPiece(int64_t count, int64_t bytes, int64_t pieceBytes = kPieceBytes) {
  return std::clamp<int64_t>(pieceBytes / bytes, 1, std::max<int64_t>(count, 1));
}

int64_t rowBytes(int64_t dimensions) {
  return dimensions * static_cast<int64_t>(sizeof(float));
}

void upload(const float* from, int64_t values, const DeviceBuffer<float>& to) {
  copyToDevice(to.data(), from, static_cast<size_t>(values) * sizeof(float));
}
void download(const float* from, int64_t values, float* to) {
  FACENET_CUDA_CHECK(
      cudaMemcpy(to, from, static_cast<size_t>(values) * sizeof(float), cudaMemcpyDeviceToHost));
}

// A gallery that goes through the device in two buffers: while one piece is searched, the next one comes.
class GalleryUpload {
 public:
  GalleryUpload(const TopK& task, int64_t rows)
      : task_(task), slots_{Slot(rows * task.dimensions), Slot(rows * task.dimensions)} {}
  // What is under way still uses the buffers.
  ~GalleryUpload() {
    cudaStreamSynchronize(stream_.get());
    cudaStreamSynchronize(compute_.get());
  }

  const Stream& compute() const { return compute_; }

  // The piece whose first row is `first`; `compute()` waits for it.
  GalleryChunk begin(int64_t first, int64_t rows) {
    Slot& slot = slots_[next_];
    const auto bytes = static_cast<size_t>(rows * rowBytes(task_.dimensions));
    slot.uploaded.wait();  // what was in the pinned memory is on the device
    std::memcpy(slot.pinned.data(), task_.gallery + first * task_.dimensions, bytes);
    stream_.waitFor(slot.searched);
    FACENET_CUDA_CHECK(
        cudaMemcpyAsync(slot.rows.data(), slot.pinned.data(), bytes, cudaMemcpyHostToDevice, stream_.get()));
    stream_.record(slot.uploaded);
    compute_.waitFor(slot.uploaded);
    return {slot.rows.data(), rows, first};
  }
  // The piece's search is on `compute()`; its buffer is free after that.
  void end() {
    compute_.record(slots_[next_].searched);
    next_ = 1 - next_;
  }

 private:
  struct Slot {
    explicit Slot(int64_t values) : rows(values), pinned(rowBytes(values)) {}
    DeviceBuffer<float> rows;
    PinnedBuffer pinned;
    Event uploaded, searched;
  };

  const TopK& task_;
  Stream stream_, compute_;
  std::array<Slot, 2> slots_;
  size_t next_ = 0;
};

// Queries [first, first + count).
void findNearestOf(const TopK& task, int64_t first, int64_t count, int multiprocessors, int32_t* indices,
                   float* distances) {
  const int64_t pieceRows = rowsAPiece(task.rows, rowBytes(task.dimensions), kGalleryBytes);
  DeviceBuffer<float> queries(count * task.dimensions);
  queries.copyFrom(task.queries + first * task.dimensions);
  std::vector<DistanceKey> keys(static_cast<size_t>(count * task.k), kNoKey);
  DeviceBuffer<DistanceKey> best(count * task.k);
  best.copyFrom(keys.data());
  // The last piece is the smaller one, but may be cut into as many parts.
  const int64_t lastRows = (task.rows - 1) % pieceRows + 1;
  DeviceBuffer<unsigned char> scratch(std::max(topKScratch(count, pieceRows, task.k, multiprocessors),
                                               topKScratch(count, lastRows, task.k, multiprocessors)));
  GalleryUpload gallery(task, pieceRows);
  for (int64_t row = 0; row < task.rows; row += pieceRows) {
    task.throwIfCancelled();
    const GalleryChunk piece = gallery.begin(row, std::min(pieceRows, task.rows - row));
    nearestRows(queries.data(), count, piece, task.dimensions, task.k, best.data(), scratch.data(),
                multiprocessors, gallery.compute().get());
    gallery.end();
  }
  FACENET_CUDA_CHECK(cudaStreamSynchronize(gallery.compute().get()));
  best.copyTo(keys.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    indices[i] = rowOf(keys[i]);
    distances[i] = distanceOf(keys[i]);
  }
}

}  // namespace

void CudaBackend::l2Normalize(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out,
                              const std::atomic<int32_t>* cancel) const {
  useDevice(device_);
  const int64_t pieceRows = rowsAPiece(rows, rowBytes(dimensions));
  if (rows == 0) return;
  DeviceBuffer<float> values(pieceRows * dimensions);
  for (int64_t first = 0; first < rows; first += pieceRows) {
    throwIfCancelled(cancel);
    const int64_t count = std::min(pieceRows, rows - first);
    upload(x + first * dimensions, count * dimensions, values);
    l2NormalizeRows(values.data(), count, dimensions, epsilon, values.data(), nullptr);
    download(values.data(), count * dimensions, out + first * dimensions);
  }
}

void CudaBackend::pairwiseDistances(const DistanceTask& task, float* out) const {
  const auto [a, n, b, m, dimensions, threads, cancel] = task;
  useDevice(device_);
  if (n == 0 || m == 0) return;
  const int64_t columns = rowsAPiece(m, rowBytes(dimensions));
  const int64_t rows = std::min(rowsAPiece(n, rowBytes(std::max(columns, dimensions))), kMaxRows);
  DeviceBuffer<float> left(rows * dimensions), right(columns * dimensions), tile(rows * columns);
  for (int64_t j = 0; j < m; j += columns) {
    const int64_t width = std::min(columns, m - j);
    upload(b + j * dimensions, width * dimensions, right);
    for (int64_t i = 0; i < n; i += rows) {
      throwIfCancelled(cancel);
      const int64_t height = std::min(rows, n - i);
      upload(a + i * dimensions, height * dimensions, left);
      cuda::pairwiseDistances(left.data(), height, right.data(), width, dimensions, tile.data(), nullptr);
      if (width == m) {
        download(tile.data(), height * m, out + i * m);
      } else {
        for (int64_t row = 0; row < height; ++row)
          download(tile.data() + row * width, width, out + (i + row) * m + j);
      }
    }
  }
}

void CudaBackend::findNearest(const TopK& task, int32_t* indices, float* distances) const {
  useDevice(device_);
  // Lists of all parts of the gallery, for every query.
  const int64_t queryBytes = rowBytes(task.dimensions) + 64 * task.k * static_cast<int64_t>(sizeof(float));
  const int64_t piece = std::min<int64_t>(rowsAPiece(task.count, queryBytes), int64_t{1} << 19);
  for (int64_t first = 0; first < task.count; first += piece) {
    const int64_t count = std::min(piece, task.count - first);
    findNearestOf(task, first, count, device_.multiprocessors, indices + first * task.k,
                  distances + first * task.k);
  }
}

}  // namespace facenet::cuda
