// The small arguments that several functions share: devices, plan options, typed arrays.
#pragma once

#include <napi.h>

#include "native/binding/fields.h"
#include "native/graph/plan.h"

namespace facenet::binding {

enum class Device { cuda, cpu, reference };

Device readDevice(const Napi::Value& value);
PlanOptions readPlanOptions(const Fields& options);

// A typed array of `type` with `elements` elements (any number where -1) in memory that cannot be resized,
// since it is read or written while JavaScript goes on.
Napi::TypedArray readTypedArray(const Napi::Value& value, const std::string& argument,
                                napi_typedarray_type type, int64_t elements = -1);

// The memory of a typed array.
template <class T>
T* elementsOf(const Napi::TypedArray& array) {
  void* data = nullptr;
  if (napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &data, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(array.Env());
  return static_cast<T*>(data);
}

}  // namespace facenet::binding
