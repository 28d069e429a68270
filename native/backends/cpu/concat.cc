// Channels of several inputs side by side.
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

struct ConcatTraining {
  template <class Copy>
  void eachPart(const std::vector<View>& parts, const View& whole, Copy copy) const {
    int64_t first = 0;
    for (size_t k = 0; k < parts.size(); ++k) {
      View slice = whole;
      slice.data = whole.as<float>() + first;
      slice.shape.channels = parts[k].shape.channels;
      copy(k, slice);
      first += parts[k].shape.channels;
    }
  }
  void forward(const Images& i) const {
    eachPart(i.x, i.y[0], [&](size_t k, const View& slice) { isa().convert(i.x[k], slice); });
  }
  void backward(const Images& i) const {
    eachPart(i.x, i.dy[0], [&](size_t k, const View& slice) {
      if (i.dx[k].data) isa().scaled(slice, 1, i.dx[k], i.accumulate(k));
    });
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Concat&, const StepContext&) {
  return lambdaKernel([](Views in, Views out, void*) {
    int64_t first = 0;
    for (const View& view : in) {
      const View slice = channels(out[0], first, view.shape.channels);
      if (slice.data != view.data) isa().convert(view, slice);  // else its producer has written it in place
      first += view.shape.channels;
    }
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Concat&, const TrainContext&) {
  return byImage(ConcatTraining{});
}

}  // namespace facenet::cpu
