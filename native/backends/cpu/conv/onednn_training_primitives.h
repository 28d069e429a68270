// The primitives of a convolution in training on oneDNN: products in bf16, sums in fp32. Included only where
// FACENET_ONEDNN is defined.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "native/backends/cpu/conv/forward.h"
#include "native/backends/cpu/conv/onednn.h"

namespace facenet::cpu {

class TrainingPrimitives {
 public:
  using Forward = dnnl::convolution_forward;
  using Data = dnnl::convolution_backward_data;
  using Weights = dnnl::convolution_backward_weights;
  template <class Primitive>
  struct Made {
    typename Primitive::primitive_desc descriptor;
    Primitive primitive;
  };

  // `activation`: what forward ends with.
  TrainingPrimitives(const ConvProblem& problem, Activation::Kind activation, bool inputGradient)
      : window_(problem.window), in_(problem.in), out_(problem.out), activation_(activation) {
    [[maybe_unused]] const OneThread guard;  // a primitive takes as many threads as there are when it is made
    forward_.descriptor = describeTraining(1);
    forward_.primitive = Forward(forward_.descriptor);
    if (inputGradient) {
      data_.descriptor = describeData();
      data_.primitive = Data(data_.descriptor);
    }
    weightLayout_ = describeWeights(1, anyWeights(DType::f32)).diff_weights_desc();
  }

  // Of one image: bf16 to fp32.
  const Made<Forward>& forward() const { return forward_; }
  const Made<Data>& data() const { return data_; }
  // Of so many images, whose sum it is. The sizes of pieces are known when the first batch of a size comes.
  const Made<Weights>& weights(int64_t images) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& made = weights_[images];
    if (!made) {
      const auto descriptor = describeWeights(images, weightLayout_);
      made = std::make_unique<Made<Weights>>(Made<Weights>{descriptor, Weights(descriptor)});
    }
    return *made;
  }
  // Of weight gradients, whatever the number of images.
  const memory::desc& weightLayout() const { return weightLayout_; }

  bool isPlain() const {
    const bool gradient = data_.primitive && cpu::isPlain(data_.descriptor);
    return gradient || cpu::isPlain(forward_.descriptor) || cpu::isPlain(describeWeights(1, weightLayout_));
  }

  memory::desc biasLayout() const { return {{out_.channels}, memory::data_type::f32, memory::format_tag::a}; }
  // O x I x KH x KW.
  memory::desc storedLayout() const {
    return {weightDims(), memory::data_type::f32, memory::format_tag::oihw};
  }

  static void run(const dnnl::primitive& primitive, const std::unordered_map<int, memory>& arguments) {
    dnnl::stream stream(engine());
    primitive.execute(stream, arguments);
    stream.wait();
  }
  static void reorder(const memory::desc& layout, void* from, const memory::desc& toLayout, void* to) {
    memory source(layout, engine(), from), target(toLayout, engine(), to);
    run(dnnl::reorder(source, target), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}});
  }

 private:
  memory::dims weightDims() const {
    return {out_.channels, in_.channels, window_.kernelHeight, window_.kernelWidth};
  }
  memory::desc anyWeights(DType type) const {
    return {weightDims(), dataType(type), memory::format_tag::any};
  }

  Forward::primitive_desc describeTraining(int64_t images) const {
    return describeForward(dnnl::prop_kind::forward_training, channelsLast(images, in_, DType::bf16),
                           anyWeights(DType::bf16), biasLayout(), channelsLast(images, out_, DType::f32),
                           window_, attributesFor(activation_));
  }

  Data::primitive_desc describeData() const {
    const WindowDims w(window_);
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const memory::desc dx = channelsLast(1, in_, DType::f32), weights = anyWeights(DType::bf16),
                       dy = channelsLast(1, out_, DType::bf16);
    const auto attributes = attributesFor(Activation::Kind::none);
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), algorithm,           dx,        weights, dy, w.strides, w.dilates, w.before,
            w.after,  forward_.descriptor, attributes};
#else
    return {{algorithm, dx, weights, dy, w.strides, w.dilates, w.before, w.after},
            attributes,
            engine(),
            forward_.descriptor};
#endif
  }

  Weights::primitive_desc describeWeights(int64_t images, const memory::desc& layout) const {
    const WindowDims w(window_);
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const memory::desc x = channelsLast(images, in_, DType::bf16),
                       dy = channelsLast(images, out_, DType::bf16), bias = biasLayout();
    const auto attributes = attributesFor(Activation::Kind::none);
    const auto hint = describeTraining(images);
#if DNNL_VERSION_MAJOR >= 3
    return {engine(),  algorithm, x,        layout,  bias, dy,
            w.strides, w.dilates, w.before, w.after, hint, attributes};
#else
    return {{algorithm, x, layout, bias, dy, w.strides, w.dilates, w.before, w.after},
            attributes,
            engine(),
            hint};
#endif
  }

  Window window_;
  Shape in_, out_;
  Activation::Kind activation_;
  Made<Forward> forward_;
  Made<Data> data_;
  memory::desc weightLayout_;
  mutable std::mutex mutex_;
  mutable std::map<int64_t, std::unique_ptr<Made<Weights>>> weights_;
};

}  // namespace facenet::cpu
