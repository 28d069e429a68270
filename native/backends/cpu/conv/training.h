// Convolutions and fully connected layers in training: forward, data gradient and weight gradient in fp32.
#pragma once

#include "native/backends/cpu/conv/forward.h"
#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

std::unique_ptr<TrainKernel> makeConvTraining(const ConvProblem& problem);

// Whether the gradient before the activation follows from y. The plans of training leave the others as steps of their
// own; plain loops do where one of them is fused nevertheless.
inline bool maskable(const Activation& activation) {
  return activation.kind != Activation::Kind::prelu;
}

// Of a parameter in the vector of all; -1 without a name.
inline int64_t offsetOf(const TrainContext& context, const std::string& name) {
  return name.empty() ? -1 : context.parameters.at(name).offset;
}

}  // namespace facenet::cpu
