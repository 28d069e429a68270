#include "native/binding/errors.h"

#include <new>

namespace facenet::binding {
namespace {

Napi::Error make(Napi::Env env, ErrorCode code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", toString(code));
  return error;
}

}  // namespace

Napi::Error toJsError(Napi::Env env, const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Napi::Error& error) {
    return error;
  } catch (const Error& error) {
    Napi::Error result = make(env, error.code, error.what());
    if (!error.argument.empty()) result.Set("argument", error.argument);
    if (!error.expected.empty()) result.Set("expected", error.expected);
    if (!error.received.empty()) result.Set("received", error.received);
    return result;
  } catch (const std::bad_alloc&) {
    return make(env, ErrorCode::internal, "Out of memory");
  } catch (const std::exception& error) {
    return make(env, ErrorCode::internal, error.what());
  } catch (...) {
    return make(env, ErrorCode::internal, "Unknown error in native code");
  }
}

}  // namespace facenet::binding
