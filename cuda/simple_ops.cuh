// Ops of one input and one output that need nothing but their parameters. An op of this list has the three functions
// below in cuda/<op>.cu, and with them all that the CUDA backend wants of it (native/backends/cuda/simple_ops.cc).
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "native/core/shape.h"
#include "native/ops/channel_shuffle.h"
#include "native/ops/instance_norm.h"
#include "native/ops/l2_normalize.h"
#include "native/ops/layer_norm.h"
#include "native/ops/lrn.h"
#include "native/ops/maxout.h"
#include "native/ops/pad.h"
#include "native/ops/pointwise.h"
#include "native/ops/upsample.h"

// clang-format off
#define FACENET_SIMPLE_OPS(declare) \
  declare(ChannelShuffle) \
  declare(InstanceNorm) \
  declare(L2Normalize) \
  declare(LayerNorm) \
  declare(Lrn) \
  declare(Maxout) \
  declare(Pad) \
  declare(Pointwise) \
  declare(Upsample)
// clang-format on

namespace facenet::cuda {

// Views of device memory of one count; those of outputs have the shape that the op gives for that of inputs. What lies
// between the pixels of y and dx is left alone. Asynchronous on `stream`; throws where a launch fails.
//
// forward: x and y are f32, bf16 or f16, of which one may be f32 where the other is not.
// backward: f32 or bf16, x and dx of one type. dx is overwritten, or added to where `accumulate`. Sums are in fp32.
// describe: how it is done, for printed plans.
#define FACENET_DECLARE_LAUNCHERS(SomeOp)                                                         \
  void forward(const SomeOp& op, const View& x, const View& y, cudaStream_t stream);              \
  void backward(const SomeOp& op, const View& x, const View& dy, const View& dx, bool accumulate, \
                cudaStream_t stream);                                                             \
  std::string describe(const SomeOp& op);
FACENET_SIMPLE_OPS(FACENET_DECLARE_LAUNCHERS)
#undef FACENET_DECLARE_LAUNCHERS

}  // namespace facenet::cuda
