#include "cuda/move.cuh"
#include "cuda/move_gradient.cuh"
#include "native/backends/cuda/simple_op.h"

namespace facenet::cuda {
namespace {

SimpleOp simpleOp(const Upsample& op) {
  return {
      "copy",
      [op](const View& x, const View& y, cudaStream_t stream) { upsample(op, x, y, stream); },
      [op](const View&, const View& dy, const View& dx, bool accumulate, cudaStream_t stream) {
        upsampleGradient(op, dy, dx, accumulate, stream);
      },
  };
}

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Upsample& op, const StepContext&, const Device&) {
  return std::make_unique<SimpleKernel>(simpleOp(op));
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Upsample& op, const TrainContext&, const Device&) {
  return std::make_unique<SimpleTrainKernel>(simpleOp(op));
}

}  // namespace facenet::cuda
