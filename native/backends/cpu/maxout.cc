// The largest of each group of channels.
#include <algorithm>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

struct MaxoutTraining {
  int64_t pieces;
  template <class Use>
  void eachWinner(const Images& i, Use use) const {
    for (int64_t p = 0; p < i.y[0].shape.pixels(); ++p)
      for (int64_t j = 0; j < i.y[0].shape.channels; ++j) {
        const float* x = i.x[0].as<float>() + p * i.x[0].pixelStride + j * pieces;
        int64_t winner = 0;
        for (int64_t k = 1; k < pieces; ++k)
          if (x[k] > x[winner]) winner = k;
        use(p, j, winner, x[winner]);
      }
  }
  void forward(const Images& i) const {
    eachWinner(i, [&](int64_t p, int64_t j, int64_t, float value) {
      i.y[0].as<float>()[p * i.y[0].pixelStride + j] = value;
    });
  }
  void backward(const Images& i) const {
    eachWinner(i, [&](int64_t p, int64_t j, int64_t winner, float) {
      const float dy = i.dy[0].as<float>()[p * i.dy[0].pixelStride + j];
      for (int64_t k = 0; k < pieces; ++k) i.put(0, p, j * pieces + k, k == winner ? dy : 0);
    });
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Maxout& op, const StepContext&) {
  return lambdaKernel([pieces = op.pieces](Views in, Views out, void*) {
    for (int64_t p = 0; p < in[0].count * in[0].shape.pixels(); ++p)
      for (int64_t j = 0; j < out[0].shape.channels; ++j) {
        float best = elementAt(in[0], p * in[0].pixelStride + j * pieces);
        for (int64_t i = 1; i < pieces; ++i)
          best = std::max(best, elementAt(in[0], p * in[0].pixelStride + j * pieces + i));
        putElement(out[0], p * out[0].pixelStride + j, best);
      }
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Maxout& op, const TrainContext&) {
  return byImage(MaxoutTraining{op.pieces});
}

}  // namespace facenet::cpu
