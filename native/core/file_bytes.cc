#include "native/core/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

Error unexpected(const std::string& path, const std::string& expected, const std::string& received) {
  return Error(ErrorCode::io, "Expected " + expected + " at " + path + " but received " + received, path,
               expected, received);
}

struct stat statusOf(const Descriptor& file, const std::string& path) {
  struct stat status;
  if (fstat(file.value, &status) != 0) throw failed("stat", path);
  return status;
}

bool sameTime(const struct stat& a, const struct stat& b) {
#ifdef __APPLE__
  const timespec &x = a.st_mtimespec, &y = b.st_mtimespec;
#else
  const timespec &x = a.st_mtim, &y = b.st_mtim;
#endif
  return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
}

}  // namespace

FileBytes::FileBytes(const std::string& path, int64_t expectedBytes) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) throw failed("open", path);
  const struct stat before = statusOf(file, path);
  if (before.st_size != expectedBytes)
    throw unexpected(path, text("a file of ", expectedBytes, " bytes"), text(before.st_size, " bytes"));
  data_.reset(new std::byte[static_cast<size_t>(expectedBytes)]);
  constexpr int64_t kMaxRead = int64_t{1} << 26;  // systems read less than 2^31 bytes at once
  for (int64_t done = 0; done < expectedBytes;) {
    const auto wanted = static_cast<size_t>(std::min(kMaxRead, expectedBytes - done));
    const ssize_t got = pread(file.value, data_.get() + done, wanted, done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failed("read", path);
    if (got == 0) throw unexpected(path, text("a file of ", expectedBytes, " bytes"), text(done, " bytes"));
    done += got;
  }
  const struct stat after = statusOf(file, path);
  if (after.st_size != before.st_size || !sameTime(before, after))
    throw unexpected(path, "a file that stays as it is while it is read", "one that has changed meanwhile");
}

}  // namespace facenet
