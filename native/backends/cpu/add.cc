// a + factor * b with an activation.
#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"
#include "native/backends/reference/backend.h"

namespace facenet::cpu {

namespace {

struct AddTraining {
  Add op;
  void forward(const Images& i) const {
    isa().add(i.x[0], i.x[1], op.factor, i.y[0], op.activation.kind, nullptr);
  }
  void backward(const Images& i) const {
    if (op.activation) isa().mask(i.y[0], i.dy[0], i.dy[0], false, op.activation.kind);
    if (i.dx[0].data) isa().scaled(i.dy[0], 1, i.dx[0], i.accumulate(0));
    if (i.dx[1].data) isa().scaled(i.dy[0], op.factor, i.dx[1], i.accumulate(1));
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Add& op, const StepContext& context) {
  return lambdaKernel(
      [op, slopes = readSlopes(op.activation, context.input().shape.channels, context.weights,
                               context.step.name)](Views in, Views out, void*) {
        isa().add(in[0], in[1], op.factor, out[0], op.activation.kind,
                  slopes.empty() ? nullptr : slopes.data());
      },
      0, Cut::rows);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Add& op, const TrainContext& context) {
  if (op.activation.kind == Activation::Kind::prelu) return train::makeReferenceTrainKernel(context);
  return byImage(AddTraining{op});
}

}  // namespace facenet::cpu
