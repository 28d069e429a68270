#include "native/cuda/embeddings.h"

#include "cuda/l2_normalize.cuh"
#include "native/cuda/device.h"
#include "native/cuda/device_buffer.h"

namespace facenet::cuda {

void l2NormalizeHostRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* out) {
  requireDevice();
  if (rows == 0) return;
  DeviceBuffer<float> values(rows * dimensions);
  values.copyFrom(x);
  l2NormalizeRows(values.data(), rows, dimensions, epsilon, values.data(), nullptr);
  values.copyTo(out);
}

}  // namespace facenet::cuda
