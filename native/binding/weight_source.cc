#include "native/binding/weight_source.h"

#include "native/binding/fields.h"
#include "native/core/file_bytes.h"
#include "native/core/integers.h"

namespace facenet::binding {
namespace {

// Shape x element size; throws where that does not fit into 63 bits.
int64_t bytesOf(const TensorEntry& entry) {
  int64_t bytes = static_cast<int64_t>(byteSize(entry.dtype));
  for (const int64_t extent : entry.shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      throw invalidModel("shape of tensor " + entry.name, "fewer elements", "a product that overflows");
  return bytes;
}

TensorEntry readEntry(const Napi::Value& value, uint32_t index, int64_t size) {
  const std::string name = Fields(value, text("tensor ", index), Fields::Kind::model).string("name");
  const Fields fields(value, "tensor " + name, Fields::Kind::model);
  TensorEntry entry;
  entry.name = name;
  entry.dtype = fields.oneOf<DType, 2>("dtype", {{"f32", DType::f32}, {"bf16", DType::bf16}});
  entry.shape = fields.integers("shape", 0);
  entry.bytes = fields.integer("bytes", 0, largestExact);
  entry.offset = fields.integer("offset", 0, largestExact);
  if (entry.bytes != bytesOf(entry)) throw fields.wrong("bytes", text(bytesOf(entry), " (shape x dtype)"));
  if (entry.bytes > size || entry.offset > size - entry.bytes)
    throw fields.wrong("offset", text("a tensor inside the ", size, " bytes of the file"));
  return entry;
}

// What keeps the tensors' memory: the file, and copies of those that are not aligned.
struct Owner {
  std::unique_ptr<FileBytes> file;
  std::vector<std::vector<uint32_t>> copies;
};

}  // namespace

WeightSource readWeightSource(const Napi::Value& value, Arrays& arrays) {
  const Fields fields(value, "weights", Fields::Kind::argument);
  WeightSource source;
  if (fields.has("path")) {
    source.path = fields.string("path");
    source.size = fields.integer("fileBytes", 0, largestExact);
  } else {
    // As large as the network; lib/files/model/tensor.ts makes it for the call.
    const auto buffer = arrays.inPlace<uint8_t>(fields.get("buffer"), "weights.buffer");
    source.buffer = reinterpret_cast<const std::byte*>(buffer.data());
    source.size = static_cast<int64_t>(buffer.size());
  }
  const Napi::Array tensors = fields.array("tensors");
  for (uint32_t i = 0; i < tensors.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    source.tensors.push_back(readEntry(tensors[i], i, source.size));
  }
  return source;
}

Weights loadWeights(const WeightSource& source) {
  const auto owner = std::make_shared<Owner>();
  const std::byte* base = source.buffer;
  if (!source.path.empty()) {
    owner->file = std::make_unique<FileBytes>(source.path, source.size);
    base = owner->file->data();
  }
  Weights weights;
  for (const TensorEntry& entry : source.tensors) {
    const void* data = base + entry.offset;
    if (reinterpret_cast<uintptr_t>(data) % byteSize(entry.dtype) != 0) {
      auto& copy = owner->copies.emplace_back(static_cast<size_t>(ceilDivide(entry.bytes, 4)));
      std::memcpy(copy.data(), data, static_cast<size_t>(entry.bytes));
      data = copy.data();
    }
    weights.tensors[entry.name] = {entry.dtype, entry.shape, data};
  }
  weights.owner = owner;
  return weights;
}

}  // namespace facenet::binding
