// The ways a conv2d step can be carried out; choice.h picks one.
#pragma once

#include "native/backends/kernel.h"

namespace facenet::cpu {

std::unique_ptr<Kernel> makeConvStem(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeConvGemm(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeConvWinograd(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeConvDepthwise(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeConvOnednn(const Plan& plan, const Step& step, const Weights& weights);

}  // namespace facenet::cpu
