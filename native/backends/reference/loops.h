// The reference backend: every op as the plain loop of its formula. It is the specification the fast backends
// are tested against, so it is written to be read, and it accumulates in fp64.
//
// What it shares with the fast backends, so that they can be compared in bf16 and f16 too: activations are
// stored in the dtype the plan gives each tensor, and in such a plan the folded weights of convolutions and
// fully connected layers are rounded to its dtype before use. Biases, slopes, scales and shifts stay fp32.
#pragma once

#include <functional>
#include <vector>

#include "native/backends/reference/kernels.h"

namespace facenet::reference {

// Runs an op on a batch.
using Loop = std::function<void(const std::vector<View>& inputs, const std::vector<View>& outputs)>;

std::unique_ptr<Kernel> plainLoop(Loop loop);

// Weights as the plan stores them.
std::vector<float> stored(const Plan& plan, std::vector<float> weight);

// Index of channel 0 of a pixel.
inline int64_t pixelIndex(const View& view, int64_t n, int64_t y, int64_t x) {
  return ((n * view.shape.height + y) * view.shape.width + x) * view.pixelStride;
}

inline double load(const View& view, int64_t index) {
  switch (view.dtype) {
    case DType::f32: return view.as<float>()[index];
    case DType::bf16: return toFloat(view.as<bf16>()[index]);
    case DType::f16: return toFloat(view.as<f16>()[index]);
    default: return view.as<uint8_t>()[index];
  }
}

// Rounds to fp32 and from there to the view's type, as a backend with fp32 accumulators does.
inline void store(const View& view, int64_t index, double value) {
  const auto rounded = static_cast<float>(value);
  switch (view.dtype) {
    case DType::f32: view.as<float>()[index] = rounded; break;
    case DType::bf16: view.as<bf16>()[index] = toBf16(rounded); break;
    case DType::f16: view.as<f16>()[index] = toF16(rounded); break;
    default: FACENET_ASSERT(view.dtype != DType::u8);
  }
}

// body(n, y, x) for every pixel of every image.
template <class Body>
void forEachPixel(const View& view, Body body) {
  for (int64_t n = 0; n < view.count; ++n)
    for (int64_t y = 0; y < view.shape.height; ++y)
      for (int64_t x = 0; x < view.shape.width; ++x) body(n, y, x);
}

}  // namespace facenet::reference
