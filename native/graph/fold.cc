#include "native/graph/passes.h"

namespace facenet {
namespace {

// A norm of the raw result only: once an activation, maxout or residual came between, the order matters.
bool foldInto(Step& producer, const Step& step, size_t) {
  const Norm* norm = std::get_if<Norm>(&step.op);
  if (!norm) return false;
  if (auto* conv = std::get_if<Conv2d>(&producer.op)) {
    if (conv->parts.size() != 1 || conv->residual || conv->parts[0].activation) return false;
    conv->parts[0].norms.push_back(*norm);
    return true;
  }
  if (auto* fc = std::get_if<FullyConnected>(&producer.op)) {
    if (fc->maxout != 1 || fc->activation) return false;
    fc->norms.push_back(*norm);
    return true;
  }
  return false;
}

}  // namespace

Plan foldNorms(Plan plan) {
  return absorbSteps(std::move(plan), foldInto);
}

}  // namespace facenet
