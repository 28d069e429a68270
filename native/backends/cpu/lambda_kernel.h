// An inference kernel made of a function: for ops that are one pass over memory.
#pragma once

#include "native/backends/cpu/isa.h"
#include "native/backends/kernel.h"

namespace facenet::cpu {

using Views = const std::vector<View>&;

template <class Run>
class LambdaKernel final : public Kernel {
 public:
  LambdaKernel(Run run, int64_t scratchBytes) : run_(std::move(run)), scratchBytes_(scratchBytes) {}
  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    run_(inputs, outputs, scratch);
  }
  int64_t scratchBytes(int64_t) const override { return scratchBytes_; }
  std::string describe() const override { return isa().name; }

 private:
  Run run_;
  int64_t scratchBytes_;
};

// run(inputs, outputs, scratch)
template <class Run>
std::unique_ptr<Kernel> lambdaKernel(Run run, int64_t scratchBytes = 0) {
  return std::make_unique<LambdaKernel<Run>>(std::move(run), scratchBytes);
}

}  // namespace facenet::cpu
