// Typed arrays that native code reads or writes in place while JavaScript goes on.
#pragma once

#include <napi.h>

#include <atomic>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "native/core/dtype.h"

namespace facenet::binding {

// The arrays of one call. They are handed to the worker, which keeps them alive.
class Arrays {
 public:
  // A typed array of T = [const] float, int32_t or uint8_t, of any length. Throws ERR_FACENET_INVALID_ARGUMENT for
  // anything else, and for memory that can be resized.
  template <class T>
  std::span<T> read(const Napi::Value& value, const std::string& argument) {
    return elementsOf<T>(add(value, argument, typeOf<std::remove_const_t<T>>, nullptr));
  }
  // The same of as many elements as the product of `extents`, which may be any numbers of at least 0.
  template <class T>
  T* read(const Napi::Value& value, const std::string& argument, std::initializer_list<int64_t> extents) {
    return elementsOf<T>(add(value, argument, typeOf<std::remove_const_t<T>>, &extents)).data();
  }
  // Images of a plan's input, u8 or f32.
  const void* readImages(const Napi::Value& value, const std::string& argument, DType dtype,
                         std::initializer_list<int64_t> extents) {
    if (dtype == DType::u8) return read<const uint8_t>(value, argument, extents);
    return read<const float>(value, argument, extents);
  }
  // The flag that stops the work where it is not zero.
  std::atomic<int32_t>* readCancel(const Napi::Value& value) {
    return reinterpret_cast<std::atomic<int32_t>*>(read<int32_t>(value, "cancel", {1}));
  }

  operator std::vector<Napi::Object>() && { return std::move(arrays_); }

 private:
  template <class T>
  static constexpr napi_typedarray_type typeOf = std::is_same_v<T, float>     ? napi_float32_array
                                                 : std::is_same_v<T, int32_t> ? napi_int32_array
                                                                              : napi_uint8_array;

  template <class T>
  static std::span<T> elementsOf(const Napi::TypedArray& array) {
    void* data = nullptr;
    if (napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &data, nullptr, nullptr) != napi_ok)
      throw Napi::Error::New(array.Env());
    return {static_cast<T*>(data), array.ElementLength()};
  }
  Napi::TypedArray add(const Napi::Value& value, const std::string& argument, napi_typedarray_type type,
                       const std::initializer_list<int64_t>* extents);

  std::vector<Napi::Object> arrays_;
};

}  // namespace facenet::binding
