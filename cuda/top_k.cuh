// The nearest rows of a gallery for each query (ops/top_k.h). Distances are computed a tile at a time and
// forgotten; what stays is a list of k a query.
#pragma once

#include <cuda_runtime_api.h>

#include <bit>
#include <cstdint>

namespace facenet::cuda {

// A row and its distance: the bits of the distance, which order as the number does since it is not negative,
// before those of the index. The least key is the nearest row, of equal ones the first.
using NeighbourKey = unsigned long long;
constexpr NeighbourKey kNoNeighbour = ~0ull;
inline float distanceOf(NeighbourKey key) {
  return std::bit_cast<float>(static_cast<uint32_t>(key >> 32));
}
inline int32_t indexOf(NeighbourKey key) {
  return static_cast<int32_t>(key & 0xffffffffu);
}

// A piece of a gallery that is searched at once: device memory, rows x dimensions.
struct GalleryPiece {
  const float* rows;
  int64_t count;
  int64_t firstIndex;  // of its first row in the gallery
};

// Merges the piece's rows into `best`, queries x k keys in ascending order, kNoNeighbour where there is none
// yet. `scratch` has topKScratch bytes, aligned to 256. Pieces may come in any order. Asynchronous on
// `stream`; throws where a launch fails.
void nearestRows(const float* queries, int64_t count, const GalleryPiece& gallery, int64_t dimensions,
                 int64_t k, NeighbourKey* best, void* scratch, int multiprocessors, cudaStream_t stream);

int64_t topKScratch(int64_t count, int64_t galleryRows, int64_t k, int multiprocessors);

}  // namespace facenet::cuda
