// How a tensor core adds products to its accumulator. IEEE arithmetic rounds after every addition; tensor cores align the
// products of a block and the accumulator to their largest exponent, cut off what lies below a few extra bits, add what
// is left exactly, and cut the sum to fp32. Block sizes and extra bits: F. A. Khattak and M. Mikaitis, "Accurate Models
// of NVIDIA Tensor Cores", 2025 (arXiv:2512.07004), which compares its models with the devices bit by bit; before it
// M. Fasi et al., "Numerical behavior of NVIDIA tensor cores", PeerJ Computer Science 7, 2021.
#pragma once

#include <cstddef>
#include <string_view>

namespace emulator {

enum class TensorCores {
  nearest,  // every addition rounded to nearest, one product after the other: no device, an unbiased stand-in
  ampere,   // sm_80: blocks of 8 products of 16-bit numbers or 4 of tf32, 1 extra bit
  hopper,   // sm_90: blocks of 16 or 8, 2 extra bits
};
TensorCores tensorCoresNamed(std::string_view name);

// sum + a[0] b[0] + ... + a[count - 1] b[count - 1]. Numbers of at most 11 significant bits, so that products are exact
// in fp64. `count` is a multiple of `block`, which is that of the type on this machine.
float addProducts(TensorCores machine, float sum, const float* a, const float* b, size_t count, size_t block);

// Products per block. `wide`: tf32 instead of 16-bit numbers.
size_t blockOf(TensorCores machine, bool wide);

}  // namespace emulator
