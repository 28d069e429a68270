// What a backend of host memory provides: one kernel object per step of the plan, made once when a model is opened.
#pragma once

#include <memory>
#include <vector>

#include "native/core/team.h"
#include "native/graph/plan.h"
#include "native/graph/weights.h"

namespace facenet {

// Immutable after construction; run() may be called by several threads at once, each with its own scratch.
class Kernel {
 public:
  virtual ~Kernel() = default;
  // Views hold the same number of images, 1..chunk. `scratch` has scratchBytes(count) bytes, 64-byte aligned.
  virtual void run(const std::vector<View>& inputs, const std::vector<View>& outputs,
                   void* scratch) const = 0;
  // run() by all threads of a team, which call it alike, each with its own scratch: of few images, whose values are those
  // of run() bit by bit. Where a kernel has no parts, one thread does it all.
  virtual void runTogether(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                           Team& team) const {
    team.share(1, [&](int64_t) { run(inputs, outputs, scratch); });
  }
  virtual int64_t scratchBytes(int64_t /*count*/) const { return 0; }
  // How the kernel does it, for printed plans: "implicit_gemm 6x64", "winograd 4x4", "plain loops".
  virtual std::string describe() const = 0;
};

// What a kernel is made from.
struct StepContext {
  const Plan& plan;
  const Step& step;
  const Weights& weights;

  const PlannedTensor& input(size_t i = 0) const { return plan.tensors[static_cast<size_t>(step.inputs[i])]; }
  const PlannedTensor& output(size_t i = 0) const {
    return plan.tensors[static_cast<size_t>(step.outputs[i])];
  }
};

}  // namespace facenet
