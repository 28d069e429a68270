// What a backend provides for training: one kernel object per step of the forward plan, which runs it forward
// and backward.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "native/core/thread_pool.h"
#include "native/graph/plan.h"

namespace facenet::train {

// A tensor that training changes or keeps, within one vector of floats that holds them all: weights first,
// running statistics of batch normalisation after them. A scale, shift, slope, mean or variance may have one
// element that stands for all channels.
struct Parameter {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0;     // of its first element in the vector, a multiple of 16
  bool trainable = true;  // false: a running statistic. A frozen weight is trainable here and stays as it is.

  int64_t elements() const;
};

// Offsets of a step's tensors, looked up by name once.
class Parameters {
 public:
  std::vector<Parameter> list;
  int64_t elements = 0;   // of the whole vector
  int64_t trainable = 0;  // of its leading part that gradients have

  const Parameter& at(const std::string& name) const;
};

// What one call of forward leaves for the backward of the same images, and where gradients go.
struct Pass {
  std::vector<View> x, y;         // the step's inputs and outputs, kept from the forward run
  void* saved = nullptr;          // savedBytes(count): what the kernel itself keeps, such as argmax
  void* scratch = nullptr;        // scratchBytes(count)
  float* parameters = nullptr;    // Parameters::elements; forward updates running statistics, nothing else
  void* prepared = nullptr;       // preparedBytes(): what prepare() left
  ThreadPool* threads = nullptr;  // of a host backend
  void* stream = nullptr;         // of CUDA: a cudaStream_t, and every pointer is device memory
  // Batch normalisation. How far forward moves the running statistics towards those of these images:
  // running += rate * (batch - running); 0 where a chunk is replayed, whose statistics were counted before.
  float statisticsRate = 0;
  // The layer is frozen and normalises by its running statistics, which stay as they are; backward gives dx
  // for those constants.
  bool runningStatistics = false;
};

// A relu or relu6 that is a step of its own may run in place: x and y are then one view, and so are dx and dy.
// Its backward therefore reads y and not x.
struct Gradients {
  std::vector<View> dy;          // of the loss with respect to y; may be overwritten
  std::vector<View> dx;          // data null: not wanted
  std::vector<bool> accumulate;  // dx[i] is added to (another consumer wrote it before), else overwritten
  float* parameters = nullptr;   // Parameters::trainable, added to; null: not wanted
};

// Immutable after construction. A batch is cut into chunks and each chunk goes through all steps; within a
// step the kernel spreads its work over Pass::threads. Results do not depend on the number of threads: sums
// are cut into pieces by shape alone and added in a fixed order.
//
// On CUDA the calls put their work on Pass::stream and return; nothing is allocated, copied from host memory or
// waited for. Parameters, their gradients and the embeddings are fp32, other activations and their gradients of
// the plan's dtype. Memory is aligned as native/backends/cuda/kernel.h says, `saved` and `prepared` to 256 bytes.
class TrainKernel {
 public:
  virtual ~TrainKernel() = default;
  // Fills `prepared` from the parameters: once after each change of weights, before the next forward. The pass
  // has no views.
  virtual void prepare(const Pass& /*pass*/) const {}
  virtual int64_t preparedBytes() const { return 0; }
  virtual void forward(const Pass& pass) const = 0;
  virtual void backward(const Pass& pass, const Gradients& gradients) const = 0;
  virtual int64_t savedBytes(int64_t /*count*/) const { return 0; }
  virtual int64_t scratchBytes(int64_t /*count*/) const { return 0; }
  virtual std::string describe() const = 0;
};

struct TrainContext {
  const Plan& plan;
  const Step& step;
  const Parameters& parameters;
  bool inputGradient = true;  // false: backward is never asked for dx[0]
  // That a host backend rounds what convolutions multiply to, where it has instructions for it. Sums are fp32.
  DType products = DType::f32;

  const PlannedTensor& input(size_t i = 0) const { return plan.tensors[static_cast<size_t>(step.inputs[i])]; }
  const PlannedTensor& output(size_t i = 0) const {
    return plan.tensors[static_cast<size_t>(step.outputs[i])];
  }
};

}  // namespace facenet::train
