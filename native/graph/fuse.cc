#include "native/graph/passes.h"

namespace facenet {
namespace {

// Where a step's activation goes; null where its op has none.
Activation* epilogue(Op& op) {
  if (auto* conv = std::get_if<Conv2d>(&op))
    return conv->parts.size() == 1 ? &conv->parts[0].activation : nullptr;
  if (auto* fc = std::get_if<FullyConnected>(&op)) return &fc->activation;
  if (auto* add = std::get_if<Add>(&op)) return &add->activation;
  return nullptr;
}

}  // namespace

bool fuseActivation(Step& producer, const Activation& activation) {
  Activation* place = epilogue(producer.op);
  if (!place || *place) return false;
  *place = activation;
  return true;
}

bool fuseResidual(Step& producer, const Add& add, size_t input) {
  auto* conv = std::get_if<Conv2d>(&producer.op);
  if (!conv || conv->parts.size() != 1 || conv->residual || conv->parts[0].activation) return false;
  if (input == 0 && add.factor != 1) return false;
  conv->residual = true;
  conv->parts[0].factor = add.factor;
  conv->parts[0].activation = add.activation;
  return true;
}

namespace {

// The maximum comes before the activation, so a layer that has one already cannot take it.
bool fuseMaxout(Step& producer, const Maxout& maxout) {
  auto* fc = std::get_if<FullyConnected>(&producer.op);
  if (!fc || fc->maxout != 1 || fc->activation) return false;
  fc->maxout = maxout.pieces;
  return true;
}

}  // namespace

bool fuseStep(Step& producer, const Step& step, size_t input) {
  if (auto* activation = std::get_if<Activation>(&step.op)) return fuseActivation(producer, *activation);
  if (auto* add = std::get_if<Add>(&step.op)) return fuseResidual(producer, *add, input);
  if (auto* maxout = std::get_if<Maxout>(&step.op)) return fuseMaxout(producer, *maxout);
  return false;
}

Plan fuseEpilogues(Plan plan) {
  return absorbSteps(std::move(plan), fuseStep);
}

}  // namespace facenet
