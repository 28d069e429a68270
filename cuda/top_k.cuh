// The nearest rows of a gallery for each query (ops/top_k.h). Distances are computed a tile at a time and
// forgotten; what stays is a list of k per query.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "cuda/common/distance_key.h"

namespace facenet::cuda {

// A chunk of a gallery that is searched at once: device memory, rows x dimensions.
struct GalleryChunk {
  const float* rows;
  int64_t count;
  int64_t firstIndex;  // of its first row in the gallery
};

// Merges the chunk's rows into `best`, queries x k keys in ascending order, kNoKey where there is none
// yet. `scratch` has topKScratch bytes, aligned to 256. Chunks may come in any order. Asynchronous on
// `stream`; throws where a launch fails.
void nearestRows(const float* queries, int64_t count, const GalleryChunk& gallery, int64_t dimensions,
                 int64_t k, DistanceKey* best, void* scratch, int multiprocessors, cudaStream_t stream);

int64_t topKScratch(int64_t count, int64_t galleryRows, int64_t k, int multiprocessors);

}  // namespace facenet::cuda
