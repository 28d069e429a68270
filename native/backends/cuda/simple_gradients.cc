// The ops that need nothing but their parameters: lrn, maxout, zero_pad, upsample, l2_normalize; and concat.
#include "cuda/activation_gradient.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/l2_normalize.cuh"
#include "cuda/l2_normalize_gradient.cuh"
#include "cuda/lrn.cuh"
#include "cuda/lrn_gradient.cuh"
#include "cuda/maxout.cuh"
#include "cuda/maxout_gradient.cuh"
#include "cuda/move.cuh"
#include "cuda/move_gradient.cuh"
#include "native/backends/cuda/channel_parameter.h"
#include "native/backends/cuda/gradient_kernels.h"

namespace facenet::train::cuda {
namespace {

void launchForward(const Lrn& op, const View& x, const View& y, cudaStream_t stream) {
  facenet::cuda::lrn(op, x, y, stream);
}
void launchForward(const Maxout& op, const View& x, const View& y, cudaStream_t stream) {
  facenet::cuda::maxout(op, x, y, stream);
}
void launchForward(const ZeroPad& op, const View& x, const View& y, cudaStream_t stream) {
  facenet::cuda::zeroPad(op, x, y, stream);
}
void launchForward(const Upsample& op, const View& x, const View& y, cudaStream_t stream) {
  facenet::cuda::upsample(op, x, y, stream);
}
void launchForward(const L2Normalize& op, const View& x, const View& y, cudaStream_t stream) {
  facenet::cuda::l2Normalize(op.epsilon, x, y, stream);
}

void launchBackward(const Lrn& op, const View& x, const View& dy, const View& dx, bool accumulate,
                    cudaStream_t stream) {
  facenet::cuda::lrnGradient(op, x, dy, dx, accumulate, stream);
}
void launchBackward(const Maxout& op, const View& x, const View& dy, const View& dx, bool accumulate,
                    cudaStream_t stream) {
  facenet::cuda::maxoutGradient(op, x, dy, dx, accumulate, stream);
}
void launchBackward(const ZeroPad& op, const View&, const View& dy, const View& dx, bool accumulate,
                    cudaStream_t stream) {
  facenet::cuda::zeroPadGradient(op, dy, dx, accumulate, stream);
}
void launchBackward(const Upsample& op, const View&, const View& dy, const View& dx, bool accumulate,
                    cudaStream_t stream) {
  facenet::cuda::upsampleGradient(op, dy, dx, accumulate, stream);
}
void launchBackward(const L2Normalize& op, const View& x, const View& dy, const View& dx, bool accumulate,
                    cudaStream_t stream) {
  facenet::cuda::l2NormalizeGradient(op.epsilon, x, dy, dx, accumulate, stream);
}

template <class SomeOp>
class SimpleKernel final : public TrainKernel {
 public:
  SimpleKernel(const TrainContext& context, std::string description)
      : op_(std::get<SomeOp>(context.step.op)), description_(std::move(description)) {}

  void forward(const Pass& pass) const override { launchForward(op_, pass.x[0], pass.y[0], streamOf(pass)); }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (gradients.dx[0].data)
      launchBackward(op_, pass.x[0], gradients.dy[0], gradients.dx[0], gradients.accumulate[0],
                     streamOf(pass));
  }
  std::string describe() const override { return description_; }

 private:
  SomeOp op_;
  std::string description_;
};

// Copies the inputs that could not be written in place, one after the other, and their gradients back.
class ConcatKernel final : public TrainKernel {
 public:
  void forward(const Pass& pass) const override {
    eachSlice(pass.y[0], pass.x, [&](size_t i, const View& slice) {
      facenet::cuda::copyChannels(pass.x[i], slice, streamOf(pass));
    });
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    eachSlice(gradients.dy[0], pass.x, [&](size_t i, const View& slice) {
      if (gradients.dx[i].data)
        facenet::cuda::activationGradient(Activation::Kind::none, slice, slice, 1, gradients.dx[i],
                                          gradients.accumulate[i], streamOf(pass));
    });
  }
  std::string describe() const override { return "copy"; }

 private:
  // use(i, the channels of `whole` that are part i's)
  template <class Use>
  static void eachSlice(const View& whole, const std::vector<View>& parts, Use use) {
    View slice = whole;
    for (size_t i = 0; i < parts.size(); ++i) {
      slice.shape.channels = parts[i].shape.channels;
      use(i, slice);
      slice.data = slice.as<char>() + slice.shape.channels * static_cast<int64_t>(byteSize(slice.dtype));
    }
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeLrn(const TrainContext& context, const Device&) {
  return std::make_unique<SimpleKernel<Lrn>>(context,
                                             facenet::cuda::describeLrn(std::get<Lrn>(context.step.op)));
}
std::unique_ptr<TrainKernel> makeMaxout(const TrainContext& context, const Device&) {
  return std::make_unique<SimpleKernel<Maxout>>(
      context, text("maximum of ", std::get<Maxout>(context.step.op).pieces));
}
std::unique_ptr<TrainKernel> makeConcat(const TrainContext&, const Device&) {
  return std::make_unique<ConcatKernel>();
}
std::unique_ptr<TrainKernel> makeZeroPad(const TrainContext& context, const Device&) {
  return std::make_unique<SimpleKernel<ZeroPad>>(context, "copy");
}
std::unique_ptr<TrainKernel> makeUpsample(const TrainContext& context, const Device&) {
  return std::make_unique<SimpleKernel<Upsample>>(context, "copy");
}
std::unique_ptr<TrainKernel> makeL2Normalize(const TrainContext& context, const Device&) {
  return std::make_unique<SimpleKernel<L2Normalize>>(context, "rows in registers");
}

}  // namespace facenet::train::cuda
