// An image over its length.
#include <algorithm>
#include <cmath>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

struct L2NormalizeTraining {
  float epsilon;
  template <class Use>
  static void eachElement(const View& view, Use use) {
    for (int64_t p = 0; p < view.shape.pixels(); ++p)
      for (int64_t c = 0; c < view.shape.channels; ++c) use(p, c);
  }
  static float& at(const View& view, int64_t p, int64_t c) {
    return view.as<float>()[p * view.pixelStride + c];
  }

  void forward(const Images& i) const {
    double squares = 0;
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      squares += static_cast<double>(at(i.x[0], p, c)) * at(i.x[0], p, c);
    });
    const double length = std::max(std::sqrt(squares), static_cast<double>(epsilon));
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      at(i.y[0], p, c) = static_cast<float>(at(i.x[0], p, c) / length);
    });
  }
  void backward(const Images& i) const {
    double squares = 0, dot = 0;
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      const double x = at(i.x[0], p, c);
      squares += x * x;
      dot += x * at(i.dy[0], p, c);
    });
    const bool inside = std::sqrt(squares) <= epsilon;
    const double length = inside ? static_cast<double>(epsilon) : std::sqrt(squares);
    const double along = inside ? 0 : dot / squares;
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      i.put(0, p, c, static_cast<float>((at(i.dy[0], p, c) - at(i.x[0], p, c) * along) / length));
    });
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const L2Normalize& op, const StepContext&) {
  return lambdaKernel([op = op](Views in, Views out, void*) {
    const int64_t channels = in[0].shape.channels;
    for (int64_t n = 0; n < in[0].count; ++n) {
      const int64_t first = n * in[0].shape.pixels(), last = first + in[0].shape.pixels();
      double sum = 0;
      for (int64_t p = first; p < last; ++p)
        for (int64_t c = 0; c < channels; ++c) {
          const double value = elementAt(in[0], p * in[0].pixelStride + c);
          sum += value * value;
        }
      const double norm = std::max(std::sqrt(sum), static_cast<double>(op.epsilon));
      for (int64_t p = first; p < last; ++p)
        for (int64_t c = 0; c < channels; ++c)
          putElement(out[0], p * out[0].pixelStride + c,
                     static_cast<float>(elementAt(in[0], p * in[0].pixelStride + c) / norm));
    }
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const L2Normalize& op, const TrainContext&) {
  return byImage(L2NormalizeTraining{op.epsilon});
}

}  // namespace facenet::cpu
