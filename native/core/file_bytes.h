// A file's bytes in memory. Not mapped: where a mapped file is cut short, reading what is gone ends the process (SIGBUS).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace facenet {

class FileBytes {
 public:
  // Throws ERR_FACENET_IO where the file cannot be opened or read, is not `expectedBytes` long, since the offsets of
  // a header that was read before would no longer hold, or changes while it is read.
  FileBytes(const std::string& path, int64_t expectedBytes);

  const std::byte* data() const { return data_.get(); }

 private:
  std::unique_ptr<std::byte[]> data_;
};

}  // namespace facenet
