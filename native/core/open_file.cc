#include "native/core/open_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "native/core/error.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <io.h>
#include <windows.h>

#include <filesystem>
#else
#include <unistd.h>
#endif

namespace facenet {
namespace {

Error failed(const char* what, const std::string& path) {
  return Error(ErrorCode::io, text("Could not ", what, " ", path, ": ", std::strerror(errno)), path);
}

// Each returns a negative number and sets errno where the system refuses.
#ifdef _WIN32

int openToRead(const std::string& path) {
  const std::filesystem::path wide(std::u8string(path.begin(), path.end()));
  return _wopen(wide.c_str(), _O_RDONLY | _O_BINARY | _O_NOINHERIT);
}

// fstat's times are whole seconds here.
int stateOf(int descriptor, OpenFile::State& state) {
  BY_HANDLE_FILE_INFORMATION found;
  if (!GetFileInformationByHandle(reinterpret_cast<HANDLE>(_get_osfhandle(descriptor)), &found)) {
    errno = EIO;
    return -1;
  }
  const auto joined = [](DWORD high, DWORD low) { return static_cast<int64_t>(uint64_t{high} << 32 | low); };
  state = {joined(found.nFileSizeHigh, found.nFileSizeLow),
           joined(found.ftLastWriteTime.dwHighDateTime, found.ftLastWriteTime.dwLowDateTime)};
  return 0;
}

#else

int openToRead(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

int stateOf(int descriptor, OpenFile::State& state) {
  struct stat found;
  if (fstat(descriptor, &found) != 0) return -1;
#ifdef __APPLE__
  const timespec& changed = found.st_mtimespec;
#else
  const timespec& changed = found.st_mtim;
#endif
  state = {static_cast<int64_t>(found.st_size),
           static_cast<int64_t>(changed.tv_sec) * 1'000'000'000 + static_cast<int64_t>(changed.tv_nsec)};
  return 0;
}

#endif

}  // namespace

OpenFile::OpenFile(const std::string& path) : path_(path), descriptor_(openToRead(path)) {
  if (descriptor_ < 0) throw failed("open", path);
}

OpenFile::~OpenFile() {
  close(descriptor_);
}

OpenFile::State OpenFile::state() const {
  State state;
  if (stateOf(descriptor_, state) != 0) throw failed("stat", path_);
  return state;
}

int64_t OpenFile::read(std::byte* to, int64_t most) const {
  constexpr int64_t kMost = int64_t{1} << 26;  // systems read less than 2^31 bytes at once
  for (;;) {
    const auto got = ::read(descriptor_, to, static_cast<unsigned>(std::min(kMost, most)));
    if (got >= 0) return got;
    if (errno != EINTR) throw failed("read", path_);
  }
}

}  // namespace facenet
