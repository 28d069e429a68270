// Every op of the forward path. A new op adds its header here and a kernel to each backend's table.
#pragma once

#include <variant>

#include "native/ops/conv2d.h"
#include "native/ops/elementwise.h"
#include "native/ops/fully_connected.h"
#include "native/ops/lrn.h"
#include "native/ops/pool.h"

namespace facenet {

using Op = std::variant<Preprocess, Conv2d, Norm, Activation, Pool, Lrn, FullyConnected, Maxout, Concat, Add,
                        ZeroPad, Upsample, L2Normalize>;

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
