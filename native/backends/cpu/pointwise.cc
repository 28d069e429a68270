// Functions of one value at a time.
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

// Where nothing lies between the pixels, all values are one row.
View row(const View& view) {
  const int64_t values = view.count * view.shape.elements();
  return {view.data, view.dtype, 1, {1, 1, values}, values};
}

struct PointwiseTraining {
  Pointwise op;
  void forward(const Images& i) const { isa().pointwise(op, i.x[0], i.y[0]); }
  void backward(const Images& i) const {
    isa().pointwiseGradient(op, i.x[0], i.dy[0], i.dx[0], i.accumulate(0));
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Pointwise& op, const StepContext&) {
  return lambdaKernel(
      [op](Views in, Views out, void*) {
        const bool dense = in[0].dense() && out[0].dense();
        isa().pointwise(op, dense ? row(in[0]) : in[0], dense ? row(out[0]) : out[0]);
      },
      0, Cut::rows);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Pointwise& op, const TrainContext&) {
  return byImage(PointwiseTraining{op});
}

}  // namespace facenet::cpu
