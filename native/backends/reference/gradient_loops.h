// What the plain loops of the backward share. The formulas stand in each op's header. Sums are of type Real: the
// reference backend adds in double, and tests measure in float what rounding costs.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "native/backends/reference/backend.h"
#include "native/backends/reference/loops.h"

namespace facenet::reference {

// The parameters of a pass as the forward loops read weights.
inline Weights weightsOf(const Parameters& parameters, const float* values) {
  Weights weights;
  for (const Parameter& parameter : parameters.list)
    weights.tensors[parameter.name] = {DType::f32, parameter.shape, values + parameter.offset};
  return weights;
}

inline void runForward(const TrainContext& context, const Step& step, const Pass& pass,
                       const std::vector<View>& outputs) {
  const Weights weights = weightsOf(context.parameters, pass.parameters);
  makeReferenceKernel(context.plan, step, weights)->run(pass.x, outputs, nullptr);
}

// A batch of dense activations that is summed up before it is rounded.
template <class Real>
struct Batch {
  explicit Batch(const View& like)
      : shape(like.shape), values(static_cast<size_t>(like.count * like.shape.elements())) {}

  Real& at(int64_t n, int64_t y, int64_t x, int64_t c) {
    return values[static_cast<size_t>(((n * shape.height + y) * shape.width + x) * shape.channels + c)];
  }
  // To dx, which may be unwanted.
  void write(const View& dx, bool accumulate) {
    if (!dx.data) return;
    forEachPixel(dx, [&](int64_t n, int64_t y, int64_t x) {
      for (int64_t c = 0; c < shape.channels; ++c) {
        const int64_t index = pixelIndex(dx, n, y, x) + c;
        store(dx, index, static_cast<double>(at(n, y, x, c)) + (accumulate ? load(dx, index) : 0));
      }
    });
  }

  Shape shape;
  std::vector<Real> values;
};

// Float storage behind a view of its own.
struct OwnedView {
  OwnedView(int64_t count, const Shape& shape) : values(static_cast<size_t>(count * shape.elements())) {
    view = {values.data(), DType::f32, count, shape, shape.channels};
  }
  OwnedView(OwnedView&&) = default;

  std::vector<float> values;
  View view;
};

// One parameter of a pass and the sum of its gradient; without a name it has a constant value and no gradient.
template <class Real>
class Sum {
 public:
  Sum(const TrainContext& context, const std::string& name, const Pass& pass, double absent = 0)
      : absent_(absent) {
    if (name.empty()) return;
    parameter_ = &context.parameters.at(name);
    values_ = pass.parameters + parameter_->offset;
    sums_.assign(static_cast<size_t>(parameter_->elements()), Real{0});
  }

  Real value(int64_t index) const { return static_cast<Real>(parameter_ ? values_[place(index)] : absent_); }
  void add(int64_t index, Real term) {
    if (parameter_) sums_[static_cast<size_t>(place(index))] += term;
  }
  void write(const Gradients& gradients) const {
    if (!parameter_ || !parameter_->trainable || !gradients.parameters) return;
    for (size_t i = 0; i < sums_.size(); ++i) {
      float& gradient = gradients.parameters[parameter_->offset + static_cast<int64_t>(i)];
      gradient = static_cast<float>(gradient + static_cast<double>(sums_[i]));
    }
  }

 private:
  // A parameter of one element stands for all channels.
  int64_t place(int64_t index) const { return sums_.size() == 1 ? 0 : index; }

  const Parameter* parameter_ = nullptr;
  const float* values_ = nullptr;
  double absent_;
  std::vector<Real> sums_;
};

// A step whose forward is that of inference.
template <class Op>
class PlainLoops : public TrainKernel {
 public:
  PlainLoops(const Op& op, const TrainContext& context) : op_(op), context_(context) {}

  void forward(const Pass& pass) const override { runForward(context_, context_.step, pass, pass.y); }
  std::string describe() const override { return "plain loops"; }

 protected:
  Op op_;
  TrainContext context_;
};

template <template <class Real> class Loops, class Op>
std::unique_ptr<TrainKernel> makeLoops(const Op& op, const TrainContext& context, Precision sums) {
  if (sums == Precision::fp32) return std::make_unique<Loops<float>>(op, context);
  return std::make_unique<Loops<double>>(op, context);
}

}  // namespace facenet::reference
