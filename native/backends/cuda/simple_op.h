// Ops of one input and one output that need nothing but their parameters: lrn, maxout, zero_pad, upsample,
// l2_normalize.
#pragma once

#include <functional>

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {

// Launches that bring the op's parameters along.
struct SimpleOp {
  std::string description;
  std::function<void(const View& x, const View& y, cudaStream_t stream)> forward;
  std::function<void(const View& x, const View& dy, const View& dx, bool accumulate, cudaStream_t stream)>
      backward;
};

class SimpleKernel final : public DeviceKernel {
 public:
  explicit SimpleKernel(SimpleOp op) : op_(std::move(op)) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    op_.forward(inputs[0], outputs[0], stream);
  }
  std::string describe() const override { return op_.description; }

 private:
  SimpleOp op_;
};

class SimpleTrainKernel final : public TrainKernel {
 public:
  explicit SimpleTrainKernel(SimpleOp op) : op_(std::move(op)) {}

  void forward(const Pass& pass) const override { op_.forward(pass.x[0], pass.y[0], streamOf(pass)); }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (gradients.dx[0].data)
      op_.backward(pass.x[0], gradients.dy[0], gradients.dx[0], gradients.accumulate[0], streamOf(pass));
  }
  std::string describe() const override { return op_.description; }

 private:
  SimpleOp op_;
};

}  // namespace facenet::cuda
