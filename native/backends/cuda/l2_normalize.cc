#include "cuda/l2_normalize.cuh"

#include "cuda/l2_normalize_gradient.cuh"
#include "native/backends/cuda/simple_op.h"

namespace facenet::cuda {
namespace {

SimpleOp simpleOp(const L2Normalize& op) {
  return {
      "rows in registers",
      [op](const View& x, const View& y, cudaStream_t stream) { l2Normalize(op.epsilon, x, y, stream); },
      [op](const View& x, const View& dy, const View& dx, bool accumulate, cudaStream_t stream) {
        l2NormalizeGradient(op.epsilon, x, dy, dx, accumulate, stream);
      },
  };
}

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const L2Normalize& op, const StepContext&, const Device&) {
  return std::make_unique<SimpleKernel>(simpleOp(op));
}
std::unique_ptr<TrainKernel> makeTrainKernel(const L2Normalize& op, const TrainContext&, const Device&) {
  return std::make_unique<SimpleTrainKernel>(simpleOp(op));
}

}  // namespace facenet::cuda
