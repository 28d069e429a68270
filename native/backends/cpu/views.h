// Parts of views.
#pragma once

#include <vector>

#include "native/core/shape.h"

namespace facenet::cpu {

// Image n of a view; of one without data, one without data.
inline View image(const View& view, int64_t n) {
  View one = view;
  one.count = 1;
  if (view.data)
    one.data = view.as<unsigned char>() + n * view.imageStride() * static_cast<int64_t>(byteSize(view.dtype));
  return one;
}
inline std::vector<View> images(const std::vector<View>& views, int64_t n) {
  std::vector<View> ones;
  for (const View& view : views) ones.push_back(image(view, n));
  return ones;
}

// Rows [first, first + count) of a view of one image.
inline View rows(const View& view, int64_t first, int64_t count) {
  View slice = view;
  slice.data = view.as<unsigned char>() +
               first * view.shape.width * view.pixelStride * static_cast<int64_t>(byteSize(view.dtype));
  slice.shape.height = count;
  return slice;
}

// Channels [first, first + count) of a view.
inline View channels(const View& view, int64_t first, int64_t count) {
  View slice = view;
  slice.data = view.as<unsigned char>() + first * static_cast<int64_t>(byteSize(view.dtype));
  slice.shape.channels = count;
  return slice;
}

// use(a null pointer of the view's element type), f32 or bf16.
template <class Use>
void withElement(const View& view, Use use) {
  view.dtype == DType::f32 ? use(static_cast<float*>(nullptr)) : use(static_cast<bf16*>(nullptr));
}

// Elements of f32 and bf16.
inline float elementAt(const View& view, int64_t element) {
  return view.dtype == DType::f32 ? view.as<float>()[element] : toFloat(view.as<bf16>()[element]);
}
inline void putElement(const View& view, int64_t element, float value) {
  if (view.dtype == DType::f32)
    view.as<float>()[element] = value;
  else
    view.as<bf16>()[element] = toBf16(value);
}

}  // namespace facenet::cpu
