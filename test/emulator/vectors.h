// CUDA's vector types.
#pragma once

// Vectors are loaded and stored in one access, as the hardware does.
template <class T>
struct alignas(2 * sizeof(T)) EmulatedVector2 {
  T x, y;
  EmulatedVector2() = default;
  constexpr EmulatedVector2(T x, T y) : x(x), y(y) {}
  EmulatedVector2(const EmulatedVector2& other) { *this = other; }
  EmulatedVector2& operator=(const EmulatedVector2& other) {
    typedef T Whole __attribute__((vector_size(2 * sizeof(T)), may_alias));
    *reinterpret_cast<Whole*>(this) = *reinterpret_cast<const Whole*>(&other);
    return *this;
  }
};
template <class T>
struct alignas(4 * sizeof(T)) EmulatedVector4 {
  T x, y, z, w;
  EmulatedVector4() = default;
  constexpr EmulatedVector4(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}
  EmulatedVector4(const EmulatedVector4& other) { *this = other; }
  EmulatedVector4& operator=(const EmulatedVector4& other) {
    typedef T Whole __attribute__((vector_size(4 * sizeof(T)), may_alias));
    *reinterpret_cast<Whole*>(this) = *reinterpret_cast<const Whole*>(&other);
    return *this;
  }
};
using float2 = EmulatedVector2<float>;
using float4 = EmulatedVector4<float>;
using int2 = EmulatedVector2<int>;
using int4 = EmulatedVector4<int>;
using uint2 = EmulatedVector2<unsigned>;
using uint4 = EmulatedVector4<unsigned>;
using uchar4 = EmulatedVector4<unsigned char>;
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
inline int2 make_int2(int x, int y) {
  return {x, y};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}
