// Where a model's tensors are (WeightSource of types/native.d.ts) -> graph/weights.h.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "native/binding/arrays.h"
#include "native/graph/weights.h"

namespace facenet::binding {

struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  int64_t offset = 0, bytes = 0;  // from the start of the file or buffer
};

struct WeightSource {
  std::vector<TensorEntry> tensors;
  std::string path;                   // empty: `buffer`
  const std::byte* buffer = nullptr;  // held by Arrays
  int64_t size = 0;                   // of file or buffer
};

// On the JavaScript thread. `arrays` gets the buffer. Checks that each tensor lies inside the source and
// that its byte length is that of shape and dtype.
WeightSource readWeightSource(const Napi::Value& value, Arrays& arrays);

// On any thread. Reads the file; tensors that are not aligned to their element are copied.
Weights loadWeights(const WeightSource& source);

}  // namespace facenet::binding
