// Losses of ops/loss.h on the device: their memory, kept from one batch to the next.
#pragma once

#include <vector>

#include "cuda/embedding_loss.cuh"
#include "cuda/matrix_product.cuh"
#include "native/backends/cuda/runtime/growing_buffer.h"
#include "native/ops/loss_batch.h"

namespace facenet::cuda {

class EmbeddingLossRun {
 public:
  // `batch` and `gradients` as in ops/loss.h, with x, classes and gradients in device memory. Waits for the result.
  BatchLoss run(const Loss& loss, const LossBatch& batch, const LossGradients& gradients,
                cudaStream_t stream);

 private:
  // Rows of unit length, and the derivatives of the loss with respect to them.
  struct Side {
    GrowingBuffer<float> units, derivatives;
    GrowingBuffer<double> lengths;
    int64_t count = 0;

    void set(const float* rows, int64_t rowCount, int64_t dimensions, cudaStream_t stream);
    // Writes the gradient of the rows.
    void finish(const DeviceRowLoss* results, int64_t dimensions, float* gradient, cudaStream_t stream) const;
  };

  std::vector<RowLoss> computeRows(const Loss& loss, const LossBatch& batch, const LossSides& sides,
                                   cudaStream_t stream);
  void product(const Factor& a, const Factor& b, int64_t depth, bool add, float* out, cudaStream_t stream);

  Side x_, classes_;
  GrowingBuffer<float> similarities_, parts_;
  GrowingBuffer<double> qualities_;
  GrowingBuffer<int32_t> labels_;
  GrowingBuffer<DeviceRowLoss> results_;
};

}  // namespace facenet::cuda
