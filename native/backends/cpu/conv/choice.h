// How a convolution is carried out on the CPU: pure functions of the problem, so that they can be printed and tested.
#pragma once

#include "native/graph/plan.h"

namespace facenet::cpu {

enum class ConvMethod : uint8_t {
  implicitGemm,  // fp32, any window and groups
  stem,          // fp32, at most kMaxStemChannels input channels, no dilation
  winograd,      // fp32, 3x3 without stride and dilation: F(4x4, 3x3)
  depthwise,     // groups == channels, fp32 or bf16; inference
  half,  // bf16, inference: oneDNN where the machine has products of bf16 (AMX, AVX-512), else widened to fp32
};

// Winograd needs as many channels as make up for its transforms; below, the direct product is faster.
constexpr int64_t kWinogradMinChannels = 32;

constexpr int64_t kMaxStemChannels = 4;
constexpr int64_t kMaxStemKernel = 16;  // rows

// Whether Winograd's algorithm pays for an output, or a gradient of the input, of height x width pixels.
bool winogradPays(const Window& window, int64_t inChannels, int64_t outChannels, int64_t height,
                  int64_t width);

// The engine of an fp32 convolution: implicitGemm, stem or winograd. The same in inference and training. `in`: of one
// group; `parts`: sibling convolutions.
ConvMethod chooseEngine(const Window& window, const Shape& in, const Shape& out, int64_t groups,
                        size_t parts);

// Whether training multiplies in bf16 where it may: Winograd in fp32 is as fast as bf16 in vectors, and a stem's three
// channels fill neither vectors nor tiles.
bool bf16ProductsPay(ConvMethod engine);

// The method of inference. `half`: one of the step's tensors is bf16.
ConvMethod chooseConv(const Conv2d& op, const Shape& in, const Shape& out, bool half);

}  // namespace facenet::cpu
