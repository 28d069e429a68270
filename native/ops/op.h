// Every op of the forward path: one list, from which the variant, the names that graphs use, what training knows of
// weights and the backends' tables of kernels follow.
//
// An op is a struct in a header of its own, which begins with its formula, forward and backward. It has
//   kNames          what graphs call it; several names may share a struct
//   kHasGradient    false: nothing in front of it can be trained
//   read            the struct from a graph's node
//   name            for errors and printed plans
//   infer           its shape rule, with every check of its attributes; fills in what the op leaves open
//   tensors         those it reads beside its inputs, with roles and shapes
//   multiplyAdds    of one image, from the shapes of its first input and of its output
// all of which every op says for itself, so that nothing is forgotten by default.
//
// A backend declares its makers of kernels for all ops of the list, as overloads that std::visit finds by the op's
// type, and defines each in the op's own file:
//   namespace facenet::<backend>
//   makeKernel(const Lrn&, const StepContext&)         runs the op in a model
//   makeTrainKernel(const Lrn&, const TrainContext&)   runs it forward and backward in training
// So one that is missing is a symbol that the linker does not find.
//
// Of gradients: dy is that of the loss with respect to an op's output y, and dx with respect to its input x. Nothing is
// averaged: a gradient is that of the sum over the images of a chunk. At a kink it is that of the flat side, and of
// equal maxima the first one, in rows, then columns of the window, had the effect.
#pragma once

#include <variant>

#include "native/ops/add.h"
#include "native/ops/channel_shuffle.h"
#include "native/ops/concat.h"
#include "native/ops/conv2d.h"
#include "native/ops/cross_covariance_attention.h"
#include "native/ops/extremum.h"
#include "native/ops/fully_connected.h"
#include "native/ops/instance_norm.h"
#include "native/ops/l2_normalize.h"
#include "native/ops/layer_norm.h"
#include "native/ops/lrn.h"
#include "native/ops/maxout.h"
#include "native/ops/multiply.h"
#include "native/ops/pad.h"
#include "native/ops/pointwise.h"
#include "native/ops/pool.h"
#include "native/ops/upsample.h"

// A line per op: expands `declare` for its struct.
// clang-format off
#define FACENET_OPS(declare) \
  declare(Preprocess) \
  declare(Conv2d) \
  declare(Norm) \
  declare(InstanceNorm) \
  declare(LayerNorm) \
  declare(Activation) \
  declare(Pointwise) \
  declare(Pool) \
  declare(Lrn) \
  declare(FullyConnected) \
  declare(Maxout) \
  declare(Concat) \
  declare(Add) \
  declare(Multiply) \
  declare(Extremum) \
  declare(CrossCovarianceAttention) \
  declare(Pad) \
  declare(Upsample) \
  declare(ChannelShuffle) \
  declare(L2Normalize)
// clang-format on

namespace facenet {

template <class, class... Ops>
struct OpList {
  using Variant = std::variant<Ops...>;
};
#define FACENET_LISTED(SomeOp) , SomeOp
using Op = OpList<void FACENET_OPS(FACENET_LISTED)>::Variant;
#undef FACENET_LISTED

// All names of ops, in the order of the list.
std::vector<std::string_view> opNames();

// Throws what `node.attributes` throws where a field does not fit; nothing where no op has the name.
std::optional<Op> readOp(const NodeFields& node);

// The name that errors and printed plans use: "conv2d", "batch_norm", "max_pool", "global_max_pool", ...
std::string opName(const Op& op);

bool hasGradient(const Op& op);

// The shape of the op's output. Throws ERR_FACENET_MODEL_INVALID with `layer` in the message where the inputs do not
// fit. Fills in what the op leaves open (the window of a global pool).
Shape inferShape(Op& op, const std::vector<Shape>& inputs, const std::string& layer);

OpTensors tensorsOf(const Op& op, const Shape& input);

// Trainable parameters (weights, biases, slopes, scale and shift; not running statistics) and multiply-adds of one
// image, counted as the paper's totals are: one for every weight that an output of a convolution or fully connected
// layer sums over, none for a bias.
int64_t parameterCount(const Op& op, const std::vector<Shape>& inputs);
int64_t multiplyAdds(const Op& op, const std::vector<Shape>& inputs, const Shape& output);

}  // namespace facenet
