// A file that is read from its beginning to its end, on POSIX systems and on Windows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace facenet {

class OpenFile {
 public:
  struct State {
    int64_t bytes;
    int64_t modified;  // the time of the last change, in the system's smallest unit
    bool operator==(const State&) const = default;
  };

  // `path` is UTF-8. All three throw ERR_FACENET_IO with what the system said.
  explicit OpenFile(const std::string& path);
  State state() const;
  // The next bytes, at most `most` and at least one; 0 at the end of the file.
  int64_t read(std::byte* to, int64_t most) const;

  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace facenet
