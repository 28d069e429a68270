// Clustering of embeddings on squared L2 distances.
//
// Agglomerative clustering starts with one cluster per row and joins the two nearest clusters until no two are nearer than the
// threshold. The distance of two clusters is, over the pairs of a row of one and a row of the other,
//   single    the least squared distance,
//   complete  the largest,
//   average   the mean, which is ||mean(A) - mean(B)||^2 + scatter(A) + scatter(B), where scatter is the mean
//             squared distance of a cluster's rows from their mean.
// A cluster is called by its lowest row. Of pairs at equal distance the one with the lowest cluster joins
// first, then the one whose other cluster is lowest.
//
// DBSCAN (Ester et al., 1996): rows nearer than the threshold are neighbours. A row with at least minFaces neighbours,
// itself counted, is a core, and cores that are neighbours are of one cluster, which is called by its lowest core.
// Another row is of the cluster of its lowest neighbour that is a core, or noise where there is none.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "native/core/cancel.h"

namespace facenet {

enum class Linkage { single, complete, average };

struct ClusterTask {
  const float* rows = nullptr;  // count x dimensions, finite
  int64_t count = 0, dimensions = 0;
  Linkage linkage = Linkage::average;
  double threshold = 0;  // clusters join where their distance is below
  // Rows [0, known) are in clusters already, row i in that of row start[i] <= i, which is its lowest. Those
  // stay whole, and no distance between two of these rows is looked at, so only new rows bring clusters
  // together.
  const int32_t* start = nullptr;
  int64_t known = 0;
  int threads = 1;
  int64_t memoryBytes = 0;  // what lists or matrices of distances may take; more is refused
  const std::atomic<int32_t>* cancelled = nullptr;  // non-zero stops with ERR_FACENET_ABORTED; may be null

  int64_t minFaces = 1;  // of DBSCAN, which reads neither linkage, known nor memoryBytes

  void throwIfCancelled() const { facenet::throwIfCancelled(cancelled); }
};

constexpr int32_t clusterNoise = -1;

// Throws ERR_FACENET_INVALID_ARGUMENT for a row that holds NaN, infinity or values whose squares leave fp32.
void checkRowsFinite(const ClusterTask& task);

}  // namespace facenet
