// The tensors of a model by name, wherever they live (a file that was read, a buffer).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/core/dtype.h"
#include "native/core/error.h"

namespace facenet {

struct WeightTensor {
  DType dtype = DType::f32;  // f32 or bf16
  std::vector<int64_t> shape;
  const void* data = nullptr;
  int64_t elements() const;
};

class Weights {
 public:
  std::map<std::string, WeightTensor> tensors;
  std::shared_ptr<const void> owner;  // keeps the memory behind `data` alive

  // The tensor as fp32 values. Throws ERR_FACENET_MODEL_INVALID that names tensor and layer where it is
  // missing, has another shape or holds a value that is not finite. With allowScalar a tensor of one element
  // is spread over `shape`.
  std::vector<float> read(const std::string& name, const std::vector<int64_t>& shape,
                          const std::string& layer, bool allowScalar = false) const;
};

}  // namespace facenet
