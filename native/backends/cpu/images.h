// Training kernels whose images have nothing to do with each other: an item of work is an image.
#pragma once

#include <algorithm>

#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

// What one image of a pass is made of.
struct Images {
  std::vector<View> x, y, dy, dx;
  const std::vector<bool>* added = nullptr;

  bool accumulate(size_t input) const { return (*added)[input]; }
  void put(size_t input, int64_t pixel, int64_t channel, float value) const {
    float& to = dx[input].as<float>()[pixel * dx[input].pixelStride + channel];
    to = accumulate(input) ? to + value : value;
  }
};

// Op has forward(Images) and backward(Images).
template <class Op>
class ByImage final : public TrainKernel {
 public:
  explicit ByImage(Op op) : op_(std::move(op)) {}

  void forward(const Pass& pass) const override {
    share(pass, pass.x[0].count,
          [&](int64_t n) { op_.forward({images(pass.x, n), images(pass.y, n), {}, {}, nullptr}); });
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    if (std::all_of(gradients.dx.begin(), gradients.dx.end(), [](const View& dx) { return !dx.data; }))
      return;
    share(pass, pass.x[0].count, [&](int64_t n) {
      op_.backward({images(pass.x, n), images(pass.y, n), images(gradients.dy, n), images(gradients.dx, n),
                    &gradients.accumulate});
    });
  }
  std::string describe() const override { return isa().name; }

 private:
  Op op_;
};

template <class Op>
std::unique_ptr<TrainKernel> byImage(Op op) {
  return std::make_unique<ByImage<Op>>(std::move(op));
}

}  // namespace facenet::cpu
