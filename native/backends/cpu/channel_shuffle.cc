// Channels dealt out anew: a run of channels is read and its values are spread over the pixel.
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

template <class In, class Out>
void shuffle(const ChannelShuffle& op, const View& in, const View& out, bool add) {
  const int64_t groups = op.groups, perGroup = in.shape.channels / groups;
  for (int64_t p = 0; p < in.count * in.shape.pixels(); ++p) {
    const In* from = in.as<In>() + p * in.pixelStride;
    Out* to = out.as<Out>() + p * out.pixelStride;
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t i = 0; i < perGroup; ++i) {
        const float value = toFloat(from[group * perGroup + i]);
        Out& element = to[i * groups + group];
        element = fromFloat<Out>(add ? toFloat(element) + value : value);
      }
  }
}

struct ChannelShuffleTraining {
  ChannelShuffle op, inverse;
  void forward(const Images& i) const { shuffle<float, float>(op, i.x[0], i.y[0], false); }
  void backward(const Images& i) const { shuffle<float, float>(inverse, i.dy[0], i.dx[0], i.accumulate(0)); }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const ChannelShuffle& op, const StepContext&) {
  return lambdaKernel([op](Views in, Views out, void*) {
    const bool wideIn = in[0].dtype == DType::f32, wideOut = out[0].dtype == DType::f32;
    if (wideIn && wideOut) return shuffle<float, float>(op, in[0], out[0], false);
    if (wideIn) return shuffle<float, bf16>(op, in[0], out[0], false);
    if (wideOut) return shuffle<bf16, float>(op, in[0], out[0], false);
    shuffle<bf16, bf16>(op, in[0], out[0], false);
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const ChannelShuffle& op, const TrainContext& context) {
  return byImage(ChannelShuffleTraining{op, op.inverse(context.input().shape.channels)});
}

}  // namespace facenet::cpu
