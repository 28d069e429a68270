// One op on random data: what a kernel is given and what it gives back.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "memory.h"
#include "native/backends/training_kernel.h"

namespace facenet::train::test {

// A parameter and the range its values are drawn from.
struct Weight {
  std::string name;
  std::vector<int64_t> shape;
  float low = -1, high = 1;
  bool running = false;
};

struct Case {
  std::string name;
  Op op;
  std::vector<Shape> inputs;
  int64_t count = 2;
  std::vector<Weight> weights = {};
  float low = -1, high = 1;  // of the inputs
  bool distinct = false;     // inputs are evenly spaced, so that no two nearly tie
  int levels = 0;            // above 0: inputs are rounded to so many values, so that many tie
  int64_t slack = 0;         // elements between the pixels' channels: every view is a slice
  bool accumulate = false;   // into the inputs' gradients
  bool inPlace = false;      // y is x and dy is dx
  bool runningStatistics = false;
  bool embeddings = false;  // y is the graph's output: dense fp32 in every plan
  bool planned = true;  // false: training plans have no such step, so the CUDA backend has no kernel for it
};

// What comes out: outputs, gradients of the inputs, gradients of the parameters, running statistics.
struct Results {
  std::vector<std::string> names;
  std::vector<std::vector<float>> values;
};

// A plan of one step, with data for its inputs, parameters and output gradients.
class Bench {
 public:
  explicit Bench(const Case& item, const Target& target = {});

  TrainContext context(DType products = DType::f32) const {
    return {plan_, plan_.steps[0], parameters_, true, products};
  }
  const Case& item() const { return item_; }
  // The sum of every output times its gradient, with element `index` of tensor `tensor` moved by `step`:
  // tensors are the inputs, then all parameters as one.
  double loss(const TrainKernel& kernel, size_t tensor, int64_t index, double step) const;
  // Forward and backward. Where `outputs` are given, backward sees those instead of the kernel's own.
  Results run(const TrainKernel& kernel, int threads, const Results* outputs = nullptr) const;
  double gradientBefore(int64_t index) const { return gradientsBefore_[static_cast<size_t>(index)]; }
  const Parameters& parameters() const { return parameters_; }
  const std::vector<float>& inputValues(size_t i) const { return inputs_[i]; }
  const float* parameterValues(const std::string& name) const {
    return parameterValues_.data() + parameters_.at(name).offset;
  }

 private:
  View view(int tensor, const Buffer& buffer) const;
  Buffer scattered(int tensor, const std::vector<float>& dense) const;
  std::vector<float> spread(int tensor, const std::vector<float>& dense) const;
  std::vector<float> gathered(int tensor, const Buffer& buffer) const;

  Case item_;
  Target target_;
  Plan plan_;
  Parameters parameters_;
  std::vector<std::vector<float>> inputs_, outputGradients_, before_;  // dense
  std::vector<float> parameterValues_, gradientsBefore_;
};

// Those of the table of test/cases that was written to `path`, and variants of them.
std::vector<Case> allCases(const std::string& path);

}  // namespace facenet::train::test
