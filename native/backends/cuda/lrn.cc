#include "cuda/lrn.cuh"

#include "cuda/lrn_gradient.cuh"
#include "native/backends/cuda/simple_op.h"

namespace facenet::cuda {
namespace {

SimpleOp simpleOp(const Lrn& op) {
  return {
      describeLrn(op),
      [op](const View& x, const View& y, cudaStream_t stream) { lrn(op, x, y, stream); },
      [op](const View& x, const View& dy, const View& dx, bool accumulate, cudaStream_t stream) {
        lrnGradient(op, x, dy, dx, accumulate, stream);
      },
  };
}

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Lrn& op, const StepContext&, const Device&) {
  return std::make_unique<SimpleKernel>(simpleOp(op));
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Lrn& op, const TrainContext&, const Device&) {
  return std::make_unique<SimpleTrainKernel>(simpleOp(op));
}

}  // namespace facenet::cuda
