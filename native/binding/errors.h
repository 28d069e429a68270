// Native errors as JavaScript errors. lib/native/addon.ts makes FaceNetErrors of them.
#pragma once

#include <napi.h>

#include <exception>
#include <utility>

#include "native/core/error.h"

namespace facenet::binding {

// An Error with the fields code, argument, expected and received (those that are not empty). What is not a
// facenet::Error gets ERR_FACENET_INTERNAL.
Napi::Error toJsError(Napi::Env env, const std::exception_ptr& error);

// Runs the body of a synchronous function; what it throws becomes a JavaScript exception.
template <class Body>
auto guarded(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw toJsError(env, std::current_exception());
  }
}

}  // namespace facenet::binding
