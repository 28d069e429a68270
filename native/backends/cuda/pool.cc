#include "cuda/pool.cuh"

#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

class PoolKernel final : public DeviceKernel {
 public:
  explicit PoolKernel(const Pool& op) : op_(op) {}

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void*,
              cudaStream_t stream) const override {
    pool(op_, inputs[0], outputs[0], stream);
  }
  std::string describe() const override { return text(poolName(op_.kind), " pool"); }

 private:
  Pool op_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Pool& op, const StepContext&) {
  return std::make_unique<PoolKernel>(op);
}

}  // namespace facenet::cuda
