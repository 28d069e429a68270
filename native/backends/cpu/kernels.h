// Makers of the CPU backend's kernels, an op each.
#pragma once

#include "native/backends/kernel.h"

namespace facenet::cpu {

std::unique_ptr<Kernel> makeFullyConnected(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makePreprocess(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeNorm(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeActivation(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makePool(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeLrn(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeMaxout(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeConcat(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeAdd(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeZeroPad(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeUpsample(const Plan& plan, const Step& step, const Weights& weights);
std::unique_ptr<Kernel> makeL2Normalize(const Plan& plan, const Step& step, const Weights& weights);

}  // namespace facenet::cpu
