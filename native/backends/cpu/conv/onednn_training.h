// Convolutions in training with products in bf16. Defined only where FACENET_ONEDNN is.
#pragma once

#include "native/backends/cpu/conv/training.h"

namespace facenet::cpu {

// `problem` has one group and no prelu. Null where oneDNN has only plain loops for it.
// inputGradient: as in TrainContext.
std::unique_ptr<TrainKernel> makeConvOnednnTraining(const ConvProblem& problem, bool inputGradient);

}  // namespace facenet::cpu
