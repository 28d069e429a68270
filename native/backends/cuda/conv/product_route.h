// Which kernel carries out a product (cuda/conv2d/common/conv2d.cuh), and in which tiles.
#pragma once

#include "cuda/conv2d/common/tile.h"

namespace facenet::cuda {

class ProductRoute {
 public:
  // `dtype`: of the weights; fp32 goes to the exact kernel, bf16 and f16 to tensor cores. `image`: the product of one
  // image.
  ProductRoute(DType dtype, const ConvProduct& image, int64_t maxout, const ConvDevice& device);

  // The call's scratch has scratchBytes(call.x.count) bytes. Its window, channels and weights are those of `image`.
  void launch(const ConvCall& call, cudaStream_t stream) const;

  int64_t scratchBytes(int64_t count) const;
  std::string describe() const;

 private:
  bool exact() const { return dtype_ == DType::f32; }
  ConvTile tileFor(int64_t count) const;
  void launchExact(const ConvCall& call, cudaStream_t stream) const;

  DType dtype_;
  ConvProduct image_;
  int64_t maxout_;
  ConvDevice device_;
};

}  // namespace facenet::cuda
