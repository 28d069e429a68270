// What bf16 convolutions on oneDNN have in common, in inference and in training. Included only where FACENET_ONEDNN is
// defined.
#pragma once

#include <dnnl.hpp>
#if DNNL_CPU_RUNTIME == DNNL_RUNTIME_OMP
#include <omp.h>
#endif

#include "native/core/shape.h"
#include "native/ops/activation.h"
#include "native/ops/window.h"

namespace facenet::cpu {

using dnnl::memory;

inline const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// Parallelism is over images; inside one primitive there is none. Debian's oneDNN would use OpenMP; that of the
// published packages is built without threads of its own.
#if DNNL_CPU_RUNTIME == DNNL_RUNTIME_OMP
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
};
#else
struct OneThread {};
#endif

inline memory::data_type dataType(DType type) {
  return type == DType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
}

// Dense images.
inline memory::desc channelsLast(int64_t images, const Shape& shape, DType type) {
  return {{images, shape.channels, shape.height, shape.width}, dataType(type), memory::format_tag::nhwc};
}

// Whether all that oneDNN has for a convolution are its plain loops.
template <class Descriptor>
bool isPlain(const Descriptor& descriptor) {
  return std::string(descriptor.impl_info_str()).find("ref") != std::string::npos;
}

// make(), or null where oneDNN has no code for it: a build for inference has none for gradients.
template <class Make>
auto unlessUnimplemented(Make make) -> decltype(make()) {
  try {
    return make();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented) return nullptr;
    throw;
  }
}

// On a cache line.
inline int64_t bytesOf(const memory::desc& description) {
  return roundUp(static_cast<int64_t>(description.get_size()), 64);
}

// A window as oneDNN takes it.
struct WindowDims {
  memory::dims strides, before, after, dilates;
  explicit WindowDims(const Window& w)
      : strides{w.strideHeight, w.strideWidth},
        before{w.padTop, w.padLeft},
        after{w.padBottom, w.padRight},
        dilates{w.dilationHeight - 1, w.dilationWidth - 1} {}
};

// Every scratchpad is the caller's.
inline dnnl::primitive_attr attributesFor(Activation::Kind activation) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
#if DNNL_VERSION_MAJOR >= 3
  if (activation == Activation::Kind::relu) after.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  if (activation == Activation::Kind::relu6) after.append_eltwise(dnnl::algorithm::eltwise_clip, 0, 6);
#else
  if (activation == Activation::Kind::relu) after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
  if (activation == Activation::Kind::relu6) after.append_eltwise(1, dnnl::algorithm::eltwise_clip, 0, 6);
#endif
  attributes.set_post_ops(after);
  return attributes;
}

inline dnnl::convolution_forward::primitive_desc describeForward(
    dnnl::prop_kind kind, const memory::desc& source, const memory::desc& weights, const memory::desc& bias,
    const memory::desc& target, const Window& window, const dnnl::primitive_attr& attributes) {
  const WindowDims w(window);
  const auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), kind,      algorithm, source,   weights, bias,
          target,   w.strides, w.dilates, w.before, w.after, attributes};
#else
  return {{kind, algorithm, source, weights, bias, target, w.strides, w.dilates, w.before, w.after},
          attributes,
          engine()};
#endif
}

}  // namespace facenet::cpu
