// The one exception type of the native code. The binding turns it into a JavaScript error with the same
// fields.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace facenet {

// `code` is one of the ERR_FACENET_* strings that lib/errors.ts lists. `argument` names what was wrong,
// `expected` and `received` say how; they may be empty where the message alone says everything.
struct Error : std::runtime_error {
  Error(std::string code, const std::string& message, std::string argument = {}, std::string expected = {},
        std::string received = {})
      : std::runtime_error(message),
        code(std::move(code)),
        argument(std::move(argument)),
        expected(std::move(expected)),
        received(std::move(received)) {}

  std::string code;
  std::string argument;
  std::string expected;
  std::string received;
};

inline Error invalidArgument(const std::string& argument, const std::string& expected,
                             const std::string& received) {
  return Error("ERR_FACENET_INVALID_ARGUMENT",
               "Expected " + expected + " for " + argument + " but received " + received, argument, expected,
               received);
}

inline Error invalidModel(const std::string& argument, const std::string& expected,
                          const std::string& received) {
  return Error("ERR_FACENET_MODEL_INVALID",
               "Expected " + expected + " for " + argument + " but received " + received, argument, expected,
               received);
}

// "a, b, c" from streamable parts: text("shape ", h, "x", w).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

// For what only a mistake of ours can break. Throws, never aborts: the host process belongs to someone else.
#define FACENET_ASSERT(condition)                                                                            \
  do {                                                                                                       \
    if (!(condition))                                                                                        \
      throw ::facenet::Error("ERR_FACENET_INTERNAL", ::facenet::text("Assertion failed: " #condition " at ", \
                                                                     __FILE__, ":", __LINE__));              \
  } while (0)

}  // namespace facenet
