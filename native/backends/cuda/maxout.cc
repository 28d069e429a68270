#include "cuda/maxout.cuh"

#include "cuda/maxout_gradient.cuh"
#include "native/backends/cuda/simple_op.h"

namespace facenet::cuda {
namespace {

SimpleOp simpleOp(const Maxout& op) {
  return {
      text("maximum of ", op.pieces),
      [op](const View& x, const View& y, cudaStream_t stream) { maxout(op, x, y, stream); },
      [op](const View& x, const View& dy, const View& dx, bool accumulate, cudaStream_t stream) {
        maxoutGradient(op, x, dy, dx, accumulate, stream);
      },
  };
}

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Maxout& op, const StepContext&, const Device&) {
  return std::make_unique<SimpleKernel>(simpleOp(op));
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Maxout& op, const TrainContext&, const Device&) {
  return std::make_unique<SimpleTrainKernel>(simpleOp(op));
}

}  // namespace facenet::cuda
