// The nearest rows, query by query: a sorted list into which every row is tried.
#include "native/backends/reference/backend.h"
#include "native/ops/triplet_mining.h"

namespace facenet::reference {

void ReferenceBackend::findNearest(const TopK& task, int32_t* indices, float* distances) const {
  for (int64_t query = 0; query < task.count; ++query) {
    task.throwIfCancelled();
    int32_t* index = indices + query * task.k;
    float* distance = distances + query * task.k;
    int64_t found = 0;
    for (int64_t row = 0; row < task.rows; ++row) {
      const float here = squaredDistance(task.queries + query * task.dimensions,
                                         task.gallery + row * task.dimensions, task.dimensions);
      if (found == task.k && here >= distance[found - 1]) continue;
      // Earlier rows at this distance stay before it.
      int64_t place = found < task.k ? found++ : found - 1;
      for (; place > 0 && here < distance[place - 1]; --place) {
        distance[place] = distance[place - 1];
        index[place] = index[place - 1];
      }
      distance[place] = here;
      index[place] = static_cast<int32_t>(row);
    }
  }
}

}  // namespace facenet::reference
