// Losses of ops/loss.h on the device: rows of unit length, the rows of similarities that become derivatives, and what comes back
// to rows of any length. The products between are of cuda/matrix_product.cuh.
#pragma once

#include <cuda_runtime.h>

#include "native/ops/loss.h"

namespace facenet::cuda {

// What RowLoss of ops/loss_rows.h says, as the device has it.
struct DeviceRowLoss {
  double loss, lengthGradient, positiveSum;
  float nearestNegative;  // a similarity; -infinity without one
  int32_t positives, active;
};

// units[i] = rows[i] / |rows[i]|, dense count x dimensions. Calls are asynchronous on `stream` and throw where a launch fails.
void unitRows(const float* rows, int64_t count, int64_t dimensions, float* units, double* lengths,
              cudaStream_t stream);

// Rows [first, first + count) of the similarities of a batch.
struct LossRows {
  float* similarities;  // count x columns
  int64_t first, count, columns;
  const int32_t* labels;    // of the batch
  const double* lengths;    // of the batch's rows
  const double* qualities;  // adaFace
  bool rowsAreClasses, columnsAreClasses;
  double share, positiveShare, negativeShare;  // of a row, or of a class, in the mean
  DeviceRowLoss* results;                      // of all rows
};
// Similarities become the derivative of the batch's loss.
void lossRows(const Loss& loss, const LossRows& rows, cudaStream_t stream);

// From derivatives with respect to unit rows, and to lengths where there are `results`, to those of the rows:
// (d - (d . u) u) / |x|. `gradient` may be `derivatives`.
void unitRowsGradient(const float* units, const double* lengths, const float* derivatives,
                      const DeviceRowLoss* results, int64_t count, int64_t dimensions, float* gradient,
                      cudaStream_t stream);

}  // namespace facenet::cuda
