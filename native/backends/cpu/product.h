// Products of matrices that change from call to call, on the engine of convolutions: a matrix is an image of one pixel a row.
#pragma once

#include <numeric>

#include "native/backends/cpu/conv/engine.h"
#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/threads.h"

namespace facenet::cpu {

// The right factor, depth x width, with element (k, j) at values[k * rowStride + j * columnStride]. It is copied.
class Product {
 public:
  Product(const float* values, int64_t depth, int64_t width, int64_t rowStride, int64_t columnStride,
          ThreadPool& pool)
      : depth_(depth), width_(width), pool_(pool), epilogue_(std::vector<Epilogue::Part>{{width}}) {
    WeightSource source;
    source.constant = true;
    for (int64_t k = 0; k < depth; ++k) source.rows.push_back(k * rowStride);
    for (int64_t j = 0; j < epilogue_.vectors() * lanes(); ++j)
      source.columns.push_back(j < width ? j * columnStride : -1);
    engine_ = makeGemmEngine({1, 1, 1, 1, {Tap{}}}, depth, std::move(source));
    packed_ = alignedArray<float>(engine_->packedFloats());
    bias_ = epilogue_.layOut({{}});
    pool.run(engine_->packItems(), [&](int64_t item, int) { engine_->pack(values, item, packed_.get()); });
  }

  // out = left * right, or added to it: left is count x depth, out count x width, both dense. Every element is one sum,
  // in the same order on any number of threads.
  void run(const float* left, int64_t count, float* out, bool add = false) const {
    if (count == 0) return;
    const View source{const_cast<float*>(left), DType::f32, count, {1, 1, depth_}, depth_};
    const View target{out, DType::f32, count, {1, 1, width_}, width_};
    std::vector<GemmColumn> columns(static_cast<size_t>(epilogue_.vectors()));
    epilogue_.bind({target}, add ? &target : nullptr, bias_.get(), nullptr, columns.data());
    pool_.run(engine_->items(count), [&](int64_t item, int) {
      engine_->multiplyItem(source, packed_.get(), columns.data(), item,
                            threadMemory(engine_->scratchBytes()));
    });
  }

 private:
  int64_t depth_, width_;
  ThreadPool& pool_;
  Epilogue epilogue_;
  std::unique_ptr<ConvEngine> engine_;
  AlignedArray<float> packed_, bias_;
};

}  // namespace facenet::cpu
