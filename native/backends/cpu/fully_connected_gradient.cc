// fully_connected as a product of images and weights. Images of several pixels are first laid out in the order
// of the weights.
#include "native/backends/cpu/conv/training.h"
#include "native/backends/cpu/gradient_kernels.h"
#include "native/backends/cpu/images.h"

namespace facenet::cpu {
namespace {

class FullyConnectedKernel final : public TrainKernel {
 public:
  FullyConnectedKernel(const FullyConnected& op, const Shape& in, Linear linear)
      : channelsFirst_(op.channelsFirst), in_(in), product_(makeLinear(std::move(linear))) {}

  int64_t scratchBytes(int64_t count) const override {
    return 2 * flatFloats(count) * 4 + product_->scratchBytes(count);
  }

  void forward(const Pass& pass) const override {
    if (flat(pass.x[0])) return product_->forward(pass);
    product_->forward(flattened(pass));
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const View& dx = gradients.dx[0];
    if (flat(pass.x[0]) && (!dx.data || flat(dx))) return product_->backward(pass, gradients);
    Gradients inner = gradients;
    if (dx.data) {
      inner.dx[0] = flatView(pass, 1);
      inner.accumulate[0] = false;
    }
    product_->backward(flattened(pass), inner);
    if (!dx.data) return;
    share(pass, dx.count, [&](int64_t n) {
      const float* from = inner.dx[0].as<float>() + n * in_.elements();
      eachElement(image(dx, n), [&](float& to, int64_t index) {
        to = gradients.accumulate[0] ? to + from[index] : from[index];
      });
    });
  }

  std::string describe() const override { return product_->describe(); }

 private:
  // Elements of one pixel are in the order of the weights as they are.
  bool flat(const View& view) const { return view.shape.pixels() == 1; }
  int64_t flatFloats(int64_t count) const { return (count * in_.elements() + 15) / 16 * 16; }

  View flatView(const Pass& pass, int64_t number) const {
    const int64_t count = pass.x[0].count;
    return {static_cast<float*>(pass.scratch) + number * flatFloats(count),
            DType::f32,
            count,
            {1, 1, in_.elements()},
            in_.elements()};
  }

  Pass flattened(const Pass& pass) const {
    Pass inner = pass;
    inner.x[0] = flatView(pass, 0);
    inner.scratch = static_cast<float*>(pass.scratch) + 2 * flatFloats(pass.x[0].count);
    share(pass, pass.x[0].count, [&](int64_t n) {
      float* to = inner.x[0].as<float>() + n * in_.elements();
      eachElement(image(pass.x[0], n), [&](float& from, int64_t index) { to[index] = from; });
    });
    return inner;
  }

  // body(element, its place among the weights of an output)
  template <class Body>
  void eachElement(const View& one, Body body) const {
    for (int64_t p = 0; p < in_.pixels(); ++p)
      for (int64_t c = 0; c < in_.channels; ++c)
        body(one.as<float>()[p * one.pixelStride + c],
             channelsFirst_ ? c * in_.pixels() + p : p * in_.channels + c);
  }

  bool channelsFirst_;
  Shape in_;
  std::unique_ptr<TrainKernel> product_;
};

}  // namespace

std::unique_ptr<TrainKernel> makeFullyConnected(const TrainContext& context) {
  const auto& op = std::get<FullyConnected>(context.step.op);
  FACENET_ASSERT(op.norms.empty());
  if (op.maxout > 1 || !maskable(op.activation)) return train::makeReferenceTrainKernel(context);
  const Shape& in = context.input().shape;
  Linear linear;
  linear.in = {1, 1, in.elements()};
  linear.out = {1, 1, op.outFeatures};
  linear.outStride = in.elements();
  linear.parts.push_back(
      {op.outFeatures, op.activation.kind, placeOf(context, op.weight), placeOf(context, op.bias), 1});
  return std::make_unique<FullyConnectedKernel>(op, in, std::move(linear));
}

}  // namespace facenet::cpu
