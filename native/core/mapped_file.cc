#include "native/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "native/core/error.h"

namespace facenet {
namespace {

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

Error failed(const char* what, const std::string& path) {
  return Error(ErrorCode::io, text("Could not ", what, " ", path, ": ", std::strerror(errno)), path);
}

}  // namespace

MappedFile::MappedFile(const std::string& path, int64_t expectedBytes) : size_(expectedBytes) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) throw failed("open", path);
  struct stat status;
  if (fstat(file.value, &status) != 0) throw failed("stat", path);
  if (status.st_size != size_) {
    const std::string expected = text("a file of ", size_, " bytes"),
                      received = text(status.st_size, " bytes");
    throw Error(ErrorCode::io, "Expected " + expected + " at " + path + " but received " + received, path,
                expected, received);
  }
  if (size_ == 0) return;
  void* mapped = mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_PRIVATE, file.value, 0);
  if (mapped == MAP_FAILED) throw failed("map", path);
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<std::byte*>(data_), static_cast<size_t>(size_));
}

}  // namespace facenet
