// Typed arrays of a call whose work goes on while JavaScript does. A script may transfer an ArrayBuffer at any moment,
// which takes its memory away, and Node-API cannot hold it. So what a call reads is copied before the call returns, what
// it writes is memory of its own that is copied back when the promise settles, and no other thread has a pointer into an
// ArrayBuffer. A SharedArrayBuffer can be neither transferred nor shrunk: its memory is used where it is.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "native/core/aligned.h"
#include "native/core/dtype.h"

namespace facenet::binding {

// The arrays of one call, T = float, int32_t or uint8_t. Its functions are called on the JavaScript thread, unless they
// say otherwise. `extents`, any numbers of at least 0: their product is how many elements there have to be; without them
// it may be any number. They throw ERR_FACENET_INVALID_ARGUMENT for anything but such an array, and for one whose memory
// was transferred.
class Arrays {
 public:
  using Extents = std::initializer_list<int64_t>;
  using Owned = AlignedArray<std::byte>;

  // What the work reads. Other threads of JavaScript may change the values of a SharedArrayBuffer meanwhile.
  template <class T>
  std::span<const T> input(const Napi::Value& value, const std::string& argument) {
    return inputOf<T>(view(value, argument, typeOf<T>, nullptr));
  }
  template <class T>
  const T* input(const Napi::Value& value, const std::string& argument, Extents extents) {
    return inputOf<T>(view(value, argument, typeOf<T>, &extents)).data();
  }
  // The same, copied in any case: for what must not change once it was checked, as indices.
  template <class T>
  std::span<const T> copy(const Napi::Value& value, const std::string& argument) {
    return copyOf<T>(view(value, argument, typeOf<T>, nullptr));
  }
  template <class T>
  const T* copy(const Napi::Value& value, const std::string& argument, Extents extents) {
    return copyOf<T>(view(value, argument, typeOf<T>, &extents)).data();
  }
  // Images of a plan's input, u8 or f32.
  const void* images(const Napi::Value& value, const std::string& argument, DType dtype, Extents extents) {
    if (dtype == DType::u8) return input<uint8_t>(value, argument, extents);
    return input<float>(value, argument, extents);
  }

  // What the work writes: uninitialised memory, which `value` gets when the work has succeeded, or the SharedArrayBuffer.
  template <class T>
  T* output(const Napi::Value& value, const std::string& argument, Extents extents) {
    return static_cast<T*>(outputOf(view(value, argument, typeOf<T>, &extents), argument));
  }

  // Memory that is read and written where it is. Only for arrays that lib/ makes for the call and hands to nobody before
  // the promise has settled, so that there is nobody to transfer them, and which are too large to copy.
  template <class T>
  T* inPlace(const Napi::Value& value, const std::string& argument, Extents extents) {
    return keptInPlace<T>(view(value, argument, typeOf<T>, &extents)).data();
  }
  template <class T>
  std::span<T> inPlace(const Napi::Value& value, const std::string& argument) {
    return keptInPlace<T>(view(value, argument, typeOf<T>, nullptr));
  }

  // Two flags, an Int32Array of 2 on a SharedArrayBuffer: the first one stops the work where it is not zero, the second one
  // is set when the work begins. Who sets the first and then finds the second unset knows that the work will not begin.
  // Null where `value` is undefined.
  const std::atomic<int32_t>* readCancel(const Napi::Value& value);

  // Any thread. Throws ERR_FACENET_ABORTED where the work was stopped before.
  void begin();
  void stop() {
    if (cancel_) cancel_->store(1);
  }

  // Frees what the work has read. Any thread.
  void releaseInputs() { copies_.clear(); }
  // Hands the outputs to JavaScript. Throws ERR_FACENET_INVALID_ARGUMENT, with none written, where one is gone.
  void copyBack();

 private:
  struct View {
    Napi::TypedArray array;
    void* data;
    size_t length, bytes;
    bool isShared;
  };
  struct Output {
    Napi::ObjectReference array;
    Owned memory;
    size_t bytes;
    std::string argument;
  };

  template <class T>
  static constexpr napi_typedarray_type typeOf = std::is_same_v<T, float>     ? napi_float32_array
                                                 : std::is_same_v<T, int32_t> ? napi_int32_array
                                                                              : napi_uint8_array;
  template <class T>
  std::span<const T> inputOf(const View& view) {
    if (view.isShared) return keptInPlace<T>(view);
    return copyOf<T>(view);
  }
  template <class T>
  std::span<T> keptInPlace(const View& view) {
    keepAlive_.push_back(Napi::Persistent(view.array.As<Napi::Object>()));
    return {static_cast<T*>(view.data), view.length};
  }
  template <class T>
  std::span<const T> copyOf(const View& view) {
    return {static_cast<const T*>(copyBytes(view)), view.length};
  }

  static View view(const Napi::Value& value, const std::string& argument, napi_typedarray_type type,
                   const Extents* extents);
  const void* copyBytes(const View& view);
  void* outputOf(const View& view, const std::string& argument);

  std::vector<Owned> copies_;
  std::vector<Output> outputs_;
  std::vector<Napi::ObjectReference> keepAlive_;
  std::atomic<int32_t>* cancel_ = nullptr;
};

}  // namespace facenet::binding
