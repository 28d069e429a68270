// Local response normalisation.
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

struct LrnTraining {
  Lrn op;
  int64_t channels;

  float* memory() const {
    const int64_t row = channels + 2 * op.size + 4 * isa().lanes;
    return static_cast<float*>(threadMemory(2 * row * static_cast<int64_t>(sizeof(float))));
  }
  void forward(const Images& i) const { isa().lrn(op, i.x[0], i.y[0], memory()); }
  void backward(const Images& i) const {
    isa().lrnGradient(op, i.x[0], i.dy[0], i.dx[0], i.accumulate(0), memory());
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Lrn& op, const StepContext& context) {
  return lambdaKernel([op](Views in, Views out,
                           void* scratch) { isa().lrn(op, in[0], out[0], static_cast<float*>(scratch)); },
                      (context.input().shape.channels + op.size + 2 * isa().lanes) * 4, Cut::rows);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Lrn& op, const TrainContext& context) {
  return byImage(LrnTraining{op, context.input().shape.channels});
}

}  // namespace facenet::cpu
