#include "native/binding/arrays.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstring>

#include "native/binding/fields.h"
#include "native/core/cancel.h"

namespace facenet::binding {
namespace {

// Memory for a copy. The system gives a large one page by page as it is written, which takes several times as long as
// the copy itself, so large ones ask for pages of 2 MiB.
Arrays::Owned allocate(size_t bytes) {
  constexpr size_t kLargePage = size_t{1} << 21;
  const bool large = bytes >= 2 * kLargePage;
  const size_t alignment = large ? kLargePage : 64;
  const size_t rounded = (bytes + alignment) / alignment * alignment;
  auto* const memory = static_cast<std::byte*>(allocateAligned(alignment, rounded));
#ifdef MADV_HUGEPAGE
  if (large) madvise(memory, rounded, MADV_HUGEPAGE);  // a system that cannot does without
#endif
  return Arrays::Owned(memory);
}

const char* typeName(napi_typedarray_type type) {
  switch (type) {
    case napi_uint8_array: return "Uint8Array";
    case napi_int32_array: return "Int32Array";
    default: return "Float32Array";
  }
}

// "12", or "4611686018427387904 x 3" of numbers whose product no array has.
std::string lengthOf(const Arrays::Extents& extents, int64_t& length) {
  length = 1;
  bool fits = true;
  std::string factors;
  for (const int64_t extent : extents) {
    fits = !__builtin_mul_overflow(length, extent, &length) && fits;
    factors += text(factors.empty() ? "" : " x ", extent);
  }
  if (!fits) length = -1;
  return fits ? text(length) : factors;
}

// Where a typed array's elements are now: another place each time that JavaScript has run.
struct Memory {
  napi_typedarray_type type;
  size_t length;
  void* data;
  bool isShared, isDetached;
};

Memory memoryOf(Napi::Env env, napi_value array) {
  Memory memory{};
  napi_value buffer = nullptr;
  bool isArrayBuffer = false;
  const auto check = [&](napi_status status) {
    if (status != napi_ok) throw Napi::Error::New(env);
  };
  check(napi_get_typedarray_info(env, array, &memory.type, &memory.length, &memory.data, &buffer, nullptr));
  check(napi_is_arraybuffer(env, buffer, &isArrayBuffer));
  memory.isShared = !isArrayBuffer;
  if (isArrayBuffer) check(napi_is_detached_arraybuffer(env, buffer, &memory.isDetached));
  return memory;
}

Error transferred(const std::string& argument, const char* expected) {
  return invalidArgument(argument, expected, "one whose ArrayBuffer was transferred (detached)");
}

}  // namespace

Arrays::View Arrays::view(const Napi::Value& value, const std::string& argument, napi_typedarray_type type,
                          const Extents* extents) {
  int64_t length = 0;
  std::string expected = text("a ", typeName(type));
  if (extents) expected += " of " + lengthOf(*extents, length);
  if (!value.IsTypedArray()) throw invalidArgument(argument, expected, describe(value));
  const Memory memory = memoryOf(value.Env(), value);
  if (memory.type != type) throw invalidArgument(argument, expected, "another typed array");
  if (memory.isDetached) throw transferred(argument, "an array that has its memory");
  if (extents && static_cast<int64_t>(memory.length) != length)
    throw invalidArgument(argument, expected, text("one of ", memory.length));
  const size_t elementBytes = type == napi_uint8_array ? 1 : 4;
  return {value.As<Napi::TypedArray>(), memory.data, memory.length, memory.length * elementBytes,
          memory.isShared};
}

const void* Arrays::copyBytes(const View& view) {
  auto& copy = copies_.emplace_back(allocate(view.bytes));
  if (view.bytes > 0) std::memcpy(copy.get(), view.data, view.bytes);
  return copy.get();
}

void* Arrays::outputOf(const View& view, const std::string& argument) {
  if (view.isShared) {
    keepAlive_.push_back(Napi::Persistent(view.array.As<Napi::Object>()));
    return view.data;
  }
  outputs_.push_back(
      {Napi::Persistent(view.array.As<Napi::Object>()), allocate(view.bytes), view.bytes, argument});
  return outputs_.back().memory.get();
}

const std::atomic<int32_t>* Arrays::readCancel(const Napi::Value& value) {
  if (value.IsUndefined()) return nullptr;
  const View found = view(value, "cancel", napi_int32_array, nullptr);
  if (found.length != 2 || !found.isShared)
    throw invalidArgument("cancel", "an Int32Array of 2 on a SharedArrayBuffer", describe(value));
  keepAlive_.push_back(Napi::Persistent(found.array.As<Napi::Object>()));
  return cancel_ = static_cast<std::atomic<int32_t>*>(found.data);
}

void Arrays::begin() {
  if (!cancel_) return;
  cancel_[1].store(1);
  throwIfCancelled(cancel_);
}

void Arrays::copyBack() {
  std::vector<void*> targets;
  for (const Output& output : outputs_) {
    const Napi::Object array = output.array.Value();
    const Memory memory = memoryOf(array.Env(), array);
    const size_t elementBytes = memory.type == napi_uint8_array ? 1 : 4;
    if (memory.length * elementBytes != output.bytes)
      throw transferred(output.argument, "an array that keeps its memory until the call has ended");
    targets.push_back(memory.data);
  }
  for (size_t i = 0; i < outputs_.size(); ++i)
    if (outputs_[i].bytes > 0) std::memcpy(targets[i], outputs_[i].memory.get(), outputs_[i].bytes);
}

}  // namespace facenet::binding
