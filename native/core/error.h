// The one exception type of the native code. The binding turns it into a JavaScript error with the same
// fields.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

namespace facenet {

enum class ErrorCode : uint8_t {
  aborted,
  cudaOutOfMemory,
  cudaUnavailable,
  internal,
  invalidArgument,
  io,
  modelInvalid,
  notFinite,
};

// As lib/errors.ts lists them.
constexpr const char* toString(ErrorCode code) {
  switch (code) {
    case ErrorCode::aborted: return "ERR_FACENET_ABORTED";
    case ErrorCode::cudaOutOfMemory: return "ERR_FACENET_CUDA_OOM";
    case ErrorCode::cudaUnavailable: return "ERR_FACENET_CUDA_UNAVAILABLE";
    case ErrorCode::invalidArgument: return "ERR_FACENET_INVALID_ARGUMENT";
    case ErrorCode::io: return "ERR_FACENET_IO";
    case ErrorCode::modelInvalid: return "ERR_FACENET_MODEL_INVALID";
    case ErrorCode::notFinite: return "ERR_FACENET_NOT_FINITE";
    default: return "ERR_FACENET_INTERNAL";
  }
}

// `argument` names what was wrong, `expected` and `received` say how; they may be empty where the message alone
// says everything.
struct Error : std::runtime_error {
  Error(ErrorCode code, const std::string& message, std::string argument = {}, std::string expected = {},
        std::string received = {})
      : std::runtime_error(message),
        code(code),
        argument(std::move(argument)),
        expected(std::move(expected)),
        received(std::move(received)) {}

  ErrorCode code;
  std::string argument;
  std::string expected;
  std::string received;
};

// "Expected <expected> for <argument> but received <received>".
inline Error mismatch(ErrorCode code, const std::string& argument, const std::string& expected,
                      const std::string& received) {
  return Error(code, "Expected " + expected + " for " + argument + " but received " + received, argument,
               expected, received);
}
inline Error invalidArgument(const std::string& argument, const std::string& expected,
                             const std::string& received) {
  return mismatch(ErrorCode::invalidArgument, argument, expected, received);
}
inline Error invalidModel(const std::string& argument, const std::string& expected,
                          const std::string& received) {
  return mismatch(ErrorCode::modelInvalid, argument, expected, received);
}

// "a, b, c" from streamable parts: text("shape ", h, "x", w).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

// For what only a mistake of ours can break. Throws, never aborts: the host process belongs to someone else.
#define FACENET_ASSERT(condition)                                                            \
  do {                                                                                       \
    if (!(condition))                                                                        \
      throw ::facenet::Error(                                                                \
          ::facenet::ErrorCode::internal,                                                    \
          ::facenet::text("Assertion failed: " #condition " at ", __FILE__, ":", __LINE__)); \
  } while (0)

}  // namespace facenet
