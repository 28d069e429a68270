// Where a kernel under test finds its data: host memory in fp32, or a CUDA device's in the types of its plans.
#pragma once

#include <memory>
#include <vector>

#include "native/core/dtype.h"

namespace facenet::train::test {

struct Target {
  DType rounding = DType::f32;  // inputs, parameters and gradients hold values of this type
  DType dtype = DType::f32;     // that activations and their gradients are stored in
  int64_t alignment = 1;        // pixels are a multiple of so many elements apart
  bool device = false;          // CUDA memory
};

// Values in a target's memory.
class Buffer {
 public:
  Buffer(const Target& target, int64_t bytes);
  Buffer(const Target& target, DType dtype, const std::vector<float>& values);

  void* data() const { return data_.get(); }
  void write(const std::vector<float>& values);  // as many as there are
  std::vector<float> read() const;

 private:
  DType dtype_ = DType::u8;
  int64_t bytes_;
  bool device_;
  std::shared_ptr<void> data_;
};

// `values` as `dtype` holds them.
std::vector<float> rounded(std::vector<float> values, DType dtype);

}  // namespace facenet::train::test
