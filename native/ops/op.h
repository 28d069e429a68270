// Every op of the forward path: one list, from which the variant and the backends' tables of kernels follow.
//
// An op is a struct in a header of its own. A backend declares its makers of kernels for all ops of the list, as
// overloads that std::visit finds by the op's type, and defines each in the op's own file:
//   namespace facenet::<backend>
//   makeKernel(const Lrn&, const StepContext&)         runs the op in a model
//   makeTrainKernel(const Lrn&, const TrainContext&)   runs it forward and backward in training
// So one that is missing is a symbol that the linker does not find.
#pragma once

#include <variant>

#include "native/ops/conv2d.h"
#include "native/ops/elementwise.h"
#include "native/ops/fully_connected.h"
#include "native/ops/lrn.h"
#include "native/ops/pool.h"

// A line per op: expands `declare` for its struct.
// clang-format off
#define FACENET_OPS(declare) \
  declare(Preprocess) \
  declare(Conv2d) \
  declare(Norm) \
  declare(Activation) \
  declare(Pool) \
  declare(Lrn) \
  declare(FullyConnected) \
  declare(Maxout) \
  declare(Concat) \
  declare(Add) \
  declare(ZeroPad) \
  declare(Upsample) \
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

// The name that graphs, errors and printed plans use: "conv2d", "batch_norm", "max_pool", ...
std::string opName(const Op& op);

// The shape rule of an op. Throws ERR_FACENET_MODEL_INVALID with `layer` in the message where the inputs do
// not fit. Fills in what the op leaves open (the window of a global pool). A conv2d with several parts gives
// its summed channels.
Shape inferShape(Op& op, const std::vector<Shape>& inputs, const std::string& layer);

// Trainable and stored parameters (weights, biases, slopes, scale and shift; not running statistics) and
// multiply-adds of one image, counted as the paper's totals are: one for every weight that an output of a
// convolution or fully connected layer sums over, none for a bias (lib/convert/networks/count.ts counts the
// same).
int64_t parameterCount(const Op& op, const std::vector<Shape>& inputs);
int64_t multiplyAdds(const Op& op, const std::vector<Shape>& inputs, const Shape& output);

}  // namespace facenet
