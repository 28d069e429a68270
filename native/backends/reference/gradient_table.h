// One line for every op: std::visit finds the loops of the step's op, and does not compile where one is missing.
#pragma once

#include "native/backends/reference/conv2d_gradient.h"
#include "native/backends/reference/elementwise_gradient.h"
#include "native/backends/reference/fully_connected_gradient.h"
#include "native/backends/reference/lrn_gradient.h"
#include "native/backends/reference/norm_gradient.h"
#include "native/backends/reference/pool_gradient.h"

namespace facenet::train::reference {

template <class Real>
struct MakeLoops {
  const TrainContext& context;
  using Made = std::unique_ptr<TrainKernel>;

  Made operator()(const Preprocess& op) const { return std::make_unique<PreprocessLoops<Real>>(op, context); }
  Made operator()(const Conv2d& op) const { return std::make_unique<ConvLoops<Real>>(op, context); }
  Made operator()(const Norm& op) const { return std::make_unique<NormLoops<Real>>(op, context); }
  Made operator()(const Activation& op) const { return std::make_unique<ActivationLoops<Real>>(op, context); }
  Made operator()(const Pool& op) const { return std::make_unique<PoolLoops<Real>>(op, context); }
  Made operator()(const Lrn& op) const { return std::make_unique<LrnLoops<Real>>(op, context); }
  Made operator()(const FullyConnected& op) const {
    return std::make_unique<FullyConnectedLoops<Real>>(op, context);
  }
  Made operator()(const Maxout& op) const { return std::make_unique<MaxoutLoops<Real>>(op, context); }
  Made operator()(const Concat& op) const { return std::make_unique<ConcatLoops<Real>>(op, context); }
  Made operator()(const Add& op) const { return std::make_unique<AddLoops<Real>>(op, context); }
  Made operator()(const ZeroPad& op) const { return std::make_unique<ZeroPadLoops<Real>>(op, context); }
  Made operator()(const Upsample& op) const { return std::make_unique<UpsampleLoops<Real>>(op, context); }
  Made operator()(const L2Normalize& op) const {
    return std::make_unique<L2NormalizeLoops<Real>>(op, context);
  }
};

}  // namespace facenet::train::reference
