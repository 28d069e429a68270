#include "cuda/move.cuh"
#include "cuda/move_gradient.cuh"
#include "native/backends/cuda/simple_op.h"

namespace facenet::cuda {
namespace {

SimpleOp simpleOp(const ZeroPad& op) {
  return {
      "copy",
      [op](const View& x, const View& y, cudaStream_t stream) { zeroPad(op, x, y, stream); },
      [op](const View&, const View& dy, const View& dx, bool accumulate, cudaStream_t stream) {
        zeroPadGradient(op, dy, dx, accumulate, stream);
      },
  };
}

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const ZeroPad& op, const StepContext&, const Device&) {
  return std::make_unique<SimpleKernel>(simpleOp(op));
}
std::unique_ptr<TrainKernel> makeTrainKernel(const ZeroPad& op, const TrainContext&, const Device&) {
  return std::make_unique<SimpleTrainKernel>(simpleOp(op));
}

}  // namespace facenet::cuda
