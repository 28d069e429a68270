// A gallery in 8 bits: its centre, then its rows block by block. Of 128 dimensions a row takes 144 bytes.
#pragma once

#include <cstddef>
#include <vector>

#include "native/backends/cpu/search/int8_kernels.h"
#include "native/core/aligned.h"

namespace facenet::cpu {

// Where everything lies in an index, and in the memory of one block.
class Int8Layout {
 public:
  explicit Int8Layout(int64_t dimensions);

  int64_t groups() const { return groups_; }
  int64_t blockBytes() const { return blockBytes_; }
  int64_t indexBytes(int64_t rows) const;
  // The centre stands in front.
  template <class Byte>
  Byte* block(Byte* index, int64_t number) const {
    return index + centerBytes_ + number * blockBytes_;
  }

  // Rows less `center` into a block, of which the rest is zeros.
  void write(const float* rows, int64_t count, const float* center, std::byte* block) const;
  Int8Rows read(const std::byte* block) const;

 private:
  const int64_t dimensions_, groups_, centerBytes_, blockBytes_;
};

}  // namespace facenet::cpu
