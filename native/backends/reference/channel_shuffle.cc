// Channels dealt out anew.
#include "native/backends/reference/gradient_loops.h"

namespace facenet::reference {

std::unique_ptr<Kernel> makeKernel(const ChannelShuffle& op, const StepContext&) {
  return plainLoop([op](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const View &in = inputs[0], &out = outputs[0];
    const int64_t channels = out.shape.channels;
    forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < channels; ++c)
        store(out, pixelIndex(out, n, y, x) + c, load(in, pixelIndex(in, n, y, x) + op.source(c, channels)));
    });
  });
}

namespace {

template <class Real>
class ChannelShuffleLoops final : public PlainLoops<ChannelShuffle> {
 public:
  using PlainLoops::PlainLoops;
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dy = gradients.dy[0];
    Batch<Real> dx(pass.x[0]);
    forEachPixel(dy, [&](int64_t n, int64_t row, int64_t column) {
      for (int64_t c = 0; c < dx.shape.channels; ++c)
        dx.at(n, row, column, op_.source(c, dx.shape.channels)) =
            static_cast<Real>(load(dy, pixelIndex(dy, n, row, column) + c));
    });
    dx.write(gradients.dx[0], gradients.accumulate[0]);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const ChannelShuffle& op, const TrainContext& context,
                                             Precision sums) {
  return makeLoops<ChannelShuffleLoops>(op, context, sums);
}

}  // namespace facenet::reference
