// relu, relu6, and prelu with a slope for each channel.
#include "native/backends/cpu/channel_parameters.h"
#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

struct ActivationTraining {
  Activation op;
  void forward(const Images& i) const { isa().activation(i.x[0], i.y[0], op.kind, nullptr); }
  void backward(const Images& i) const { isa().mask(i.y[0], i.dy[0], i.dx[0], i.accumulate(0), op.kind); }
};

class PreluTraining final : public TrainKernel {
 public:
  PreluTraining(const Activation& op, const TrainContext& context)
      : channels_(context.input().shape.channels), slope_(context, op.slope, 0) {}

  void forward(const Pass& pass) const override {
    const std::vector<float> slopes = values(pass);
    share(pass, pass.x[0].count, [&](int64_t n) {
      isa().activation(image(pass.x[0], n), image(pass.y[0], n), Activation::Kind::prelu, slopes.data());
    });
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const std::vector<float> slopes = values(pass);
    slope_.add(gradients, sumImages(pass, channels_, [&](int64_t n, double* sums) {
                 isa().preluSums(image(pass.x[0], n), image(gradients.dy[0], n), sums);
               }));
    if (!gradients.dx[0].data) return;
    share(pass, pass.x[0].count, [&](int64_t n) {
      isa().preluGradient(image(pass.x[0], n), image(gradients.dy[0], n), slopes.data(),
                          image(gradients.dx[0], n), gradients.accumulate[0]);
    });
  }
  std::string describe() const override { return isa().name; }

 private:
  std::vector<float> values(const Pass& pass) const {
    std::vector<float> slopes(static_cast<size_t>(channels_));
    for (int64_t c = 0; c < channels_; ++c) slopes[static_cast<size_t>(c)] = slope_.value(pass, c);
    return slopes;
  }

  int64_t channels_;
  ChannelParameter slope_;
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Activation& op, const StepContext& context) {
  return lambdaKernel(
      [kind = op.kind, slopes = readSlopes(op, context.input().shape.channels, context.weights,
                                           context.step.name)](Views in, Views out, void*) {
        isa().activation(in[0], out[0], kind, slopes.empty() ? nullptr : slopes.data());
      },
      0, Cut::rows);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Activation& op, const TrainContext& context) {
  if (op.kind == Activation::Kind::prelu) return std::make_unique<PreluTraining>(op, context);
  return byImage(ActivationTraining{op});
}

}  // namespace facenet::cpu
