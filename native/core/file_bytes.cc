#include "native/core/file_bytes.h"

#include "native/core/error.h"
#include "native/core/open_file.h"

namespace facenet {
namespace {

Error unexpected(const std::string& path, const std::string& expected, const std::string& received) {
  return Error(ErrorCode::io, "Expected " + expected + " at " + path + " but received " + received, path,
               expected, received);
}

}  // namespace

FileBytes::FileBytes(const std::string& path, int64_t expectedBytes) {
  const OpenFile file(path);
  const OpenFile::State before = file.state();
  if (before.bytes != expectedBytes)
    throw unexpected(path, text("a file of ", expectedBytes, " bytes"), text(before.bytes, " bytes"));
  data_.reset(new std::byte[static_cast<size_t>(expectedBytes)]);
  for (int64_t done = 0; done < expectedBytes;) {
    const int64_t got = file.read(data_.get() + done, expectedBytes - done);
    if (got == 0) throw unexpected(path, text("a file of ", expectedBytes, " bytes"), text(done, " bytes"));
    done += got;
  }
  if (file.state() != before)
    throw unexpected(path, "a file that stays as it is while it is read", "one that has changed meanwhile");
}

}  // namespace facenet
