// Makers of the ways in which a conv2d step of a model can be carried out; choice.h picks one.
#pragma once

#include "native/backends/kernel.h"

namespace facenet::cpu {

// fp32: implicit GEMM, stem or Winograd. `weights`: bf16 rounds them to it.
std::unique_ptr<Kernel> makeConvInference(const Conv2d& op, const StepContext& context, DType weights);
std::unique_ptr<Kernel> makeConvDepthwise(const Conv2d& op, const StepContext& context);
// bf16. makeConvOnednn only where FACENET_ONEDNN is defined; null where oneDNN has nothing but plain loops.
std::unique_ptr<Kernel> makeConvOnednn(const Conv2d& op, const StepContext& context);
// Whether this oneDNN computes what it should, on a machine with instructions for bf16. Only where FACENET_ONEDNN is defined.
bool oneDnnIsRight();
std::unique_ptr<Kernel> makeConvWidened(const Conv2d& op, const StepContext& context);

}  // namespace facenet::cpu
