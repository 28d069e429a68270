// Weights in the type they are multiplied in.
#pragma once

#include <cstring>
#include <vector>

#include "native/core/dtype.h"

namespace facenet::cuda {

class StoredWeights {
 public:
  StoredWeights(int64_t count, DType dtype)
      : dtype_(dtype), bytes_(static_cast<size_t>(count) * byteSize(dtype)) {}

  void set(int64_t index, float value) {
    char* const to = bytes_.data() + static_cast<size_t>(index) * byteSize(dtype_);
    const uint16_t half = dtype_ == DType::bf16 ? toBf16(value).bits : toF16(value).bits;
    if (dtype_ == DType::f32)
      std::memcpy(to, &value, sizeof value);
    else
      std::memcpy(to, &half, sizeof half);
  }
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  DType dtype_;
  std::vector<char> bytes_;
};

// A value as activations and weights of a plan of this type are stored.
inline float roundedTo(DType dtype, float value) {
  if (dtype == DType::bf16) return toFloat(toBf16(value));
  return dtype == DType::f16 ? toFloat(toF16(value)) : value;
}

}  // namespace facenet::cuda
