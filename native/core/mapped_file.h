// A file mapped for reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace facenet {

class MappedFile {
 public:
  // Throws ERR_FACENET_IO where the file cannot be opened or mapped or is not `expectedBytes` long: a length
  // that has changed since the header was read means that the offsets in it no longer hold.
  MappedFile(const std::string& path, int64_t expectedBytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace facenet
