// The larger or the smaller of two activations.
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"
#include "native/backends/cpu/views.h"

namespace facenet::cpu {

namespace {

// Whether y is b; where they are equal it is a.
template <bool Largest>
bool takesSecond(float a, float b) {
  return Largest ? b > a : b < a;
}

// Rows are vectorised by the compiler.
template <bool Largest, class A, class B, class Out>
void extremum(const View& a, const View& b, const View& y) {
  for (int64_t p = 0; p < y.count * y.shape.pixels(); ++p) {
    const A* left = a.as<A>() + p * a.pixelStride;
    const B* right = b.as<B>() + p * b.pixelStride;
    Out* to = y.as<Out>() + p * y.pixelStride;
    for (int64_t c = 0; c < y.shape.channels; ++c) {
      const float first = toFloat(left[c]), second = toFloat(right[c]);
      to[c] = fromFloat<Out>(takesSecond<Largest>(first, second) ? second : first);
    }
  }
}

struct ExtremumTraining {
  Extremum op;
  void forward(const Images& i) const {
    op.largest ? extremum<true, float, float, float>(i.x[0], i.x[1], i.y[0])
               : extremum<false, float, float, float>(i.x[0], i.x[1], i.y[0]);
  }
  void backward(const Images& i) const { op.largest ? share<true>(i) : share<false>(i); }

 private:
  template <bool Largest>
  static void share(const Images& i) {
    const View &a = i.x[0], &b = i.x[1], &dy = i.dy[0];
    for (int64_t p = 0; p < dy.shape.pixels(); ++p) {
      const float* left = a.as<float>() + p * a.pixelStride;
      const float* right = b.as<float>() + p * b.pixelStride;
      const float* g = dy.as<float>() + p * dy.pixelStride;
      for (int64_t c = 0; c < dy.shape.channels; ++c) {
        const bool second = takesSecond<Largest>(left[c], right[c]);
        if (i.dx[0].data) i.put(0, p, c, second ? 0 : g[c]);
        if (i.dx[1].data) i.put(1, p, c, second ? g[c] : 0);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Extremum& op, const StepContext&) {
  return lambdaKernel([op](Views in, Views out, void*) {
    withElement(in[0], [&]<class A>(A*) {
      withElement(in[1], [&]<class B>(B*) {
        withElement(out[0], [&]<class Out>(Out*) {
          op.largest ? extremum<true, A, B, Out>(in[0], in[1], out[0])
                     : extremum<false, A, B, Out>(in[0], in[1], out[0]);
        });
      });
    });
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Extremum& op, const TrainContext&) {
  return byImage(ExtremumTraining{op});
}

}  // namespace facenet::cpu
