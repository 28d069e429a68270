#include "memory.h"

#include <cstring>

#include "native/core/aligned.h"
#include "native/core/error.h"
#ifdef FACENET_CUDA
#include "native/backends/cuda/runtime/device_buffer.h"
#endif

namespace facenet::train::test {
namespace {

std::shared_ptr<void> allocate([[maybe_unused]] bool device, int64_t bytes) {
#ifdef FACENET_CUDA
  if (device) {
    const auto buffer = std::make_shared<facenet::cuda::DeviceBuffer<char>>(std::max<int64_t>(bytes, 1));
    return {buffer, buffer->data()};
  }
#endif
  return std::shared_ptr<char[]>(alignedArray<char>(bytes));
}

void copy([[maybe_unused]] bool device, void* to, const void* from, int64_t bytes) {
#ifdef FACENET_CUDA
  if (device) return FACENET_CUDA_CHECK(cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault));
#endif
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

template <class T>
std::vector<char> stored(const std::vector<float>& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = fromFloat<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

template <class T>
std::vector<float> loaded(const std::vector<char>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = toFloat(value);
  }
  return values;
}

}  // namespace

Buffer::Buffer(const Target& target, int64_t bytes)
    : bytes_(bytes), device_(target.device), data_(allocate(target.device, bytes)) {}

Buffer::Buffer(const Target& target, DType dtype, const std::vector<float>& values)
    : Buffer(target, static_cast<int64_t>(values.size() * byteSize(dtype))) {
  dtype_ = dtype;
  write(values);
}

void Buffer::write(const std::vector<float>& values) {
  const std::vector<char> bytes = dtype_ == DType::bf16 ? stored<bf16>(values) : stored<float>(values);
  FACENET_ASSERT(static_cast<int64_t>(bytes.size()) == bytes_);
  copy(device_, data(), bytes.data(), bytes_);
}

std::vector<float> Buffer::read() const {
  std::vector<char> bytes(static_cast<size_t>(bytes_));
  copy(device_, bytes.data(), data(), bytes_);
  return dtype_ == DType::bf16 ? loaded<bf16>(bytes) : loaded<float>(bytes);
}

std::vector<float> rounded(std::vector<float> values, DType dtype) {
  if (dtype == DType::bf16)
    for (float& value : values) value = toFloat(toBf16(value));
  return values;
}

}  // namespace facenet::train::test
