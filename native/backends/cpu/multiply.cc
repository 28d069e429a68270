// A product of two activations, the second of as many pixels or of one.
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"
#include "native/backends/cpu/views.h"

namespace facenet::cpu {

namespace {

// y[p] (+)= a[p] b[p], or b[0] where b has one pixel; rows of one type are vectorised.
template <class A, class B, class Out>
void product(const View& a, const View& b, const View& y, bool add) {
  const bool onePixel = b.shape.pixels() == 1;
  const int64_t channels = y.shape.channels, pixels = y.shape.pixels();
  for (int64_t p = 0; p < y.count * pixels; ++p) {
    const A* left = a.as<A>() + p * a.pixelStride;
    const B* right = b.as<B>() + (onePixel ? p / pixels : p) * b.pixelStride;
    Out* to = y.as<Out>() + p * y.pixelStride;
    if (add)
      for (int64_t c = 0; c < channels; ++c)
        to[c] = fromFloat<Out>(toFloat(to[c]) + toFloat(left[c]) * toFloat(right[c]));
    else
      for (int64_t c = 0; c < channels; ++c) to[c] = fromFloat<Out>(toFloat(left[c]) * toFloat(right[c]));
  }
}

struct MultiplyTraining {
  void forward(const Images& i) const { product<float, float, float>(i.x[0], i.x[1], i.y[0], false); }
  void backward(const Images& i) const {
    const View &a = i.x[0], &b = i.x[1], &dy = i.dy[0];
    if (i.dx[0].data) product<float, float, float>(dy, b, i.dx[0], i.accumulate(0));
    if (!i.dx[1].data) return;
    if (b.shape == a.shape) return product<float, float, float>(dy, a, i.dx[1], i.accumulate(1));
    const auto channels = static_cast<size_t>(a.shape.channels);
    std::vector<double> sums(channels), products(channels);
    isa().channelSums(dy, &a, nullptr, sums.data(), products.data());
    for (size_t c = 0; c < channels; ++c)
      i.put(1, 0, static_cast<int64_t>(c), static_cast<float>(products[c]));
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Multiply&, const StepContext&) {
  return lambdaKernel([](Views in, Views out, void*) {
    withElement(in[0], [&]<class A>(A*) {
      withElement(in[1], [&]<class B>(B*) {
        withElement(out[0], [&]<class Out>(Out*) { product<A, B, Out>(in[0], in[1], out[0], false); });
      });
    });
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Multiply&, const TrainContext&) {
  return byImage(MultiplyTraining{});
}

}  // namespace facenet::cpu
