// The cut of weight gradients is a pure function: what it says of the networks' layers.
#include "cuda/conv2d/weight_gradient/weight_gradient_tile.h"

#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"
#include "test.h"

namespace emulator::tests {
namespace {

using facenet::DType;
using facenet::Shape;
using facenet::Window;
using facenet::cuda::GradientProduct;
using facenet::cuda::gradientSplits;
using facenet::cuda::gradientTile;

struct Choice {
  const char* name;
  GradientProduct product;
  const char* cut;
};

// Of 64 images. Rows decide the tile: 192 would leave a third of two tiles of 128 empty. Many pixels are
// split until the blocks fill the device, the few of fully connected layers are not.
const std::vector<Choice>& choices() {
  static const std::vector<Choice> all{
      {"NN2 stem",
       {64, 392, 64 * 112 * 112, 1, DType::bf16},
       "gradient mma bf16 64x128x32, 4 stages, 99 splits"},
      {"NN2 conv2/3x3",
       {192, 576, 64 * 56 * 56, 1, DType::bf16},
       "gradient mma bf16 96x128x32, 4 stages, 26 splits"},
      {"NN2 3a/1x1",
       {64, 192, 64 * 28 * 28, 1, DType::bf16},
       "gradient mma bf16 64x128x32, 4 stages, 128 splits"},
      {"NN2 3a/5x5 reduce",
       {16, 192, 64 * 28 * 28, 1, DType::bf16},
       "gradient mma bf16 32x128x32, 4 stages, 128 splits"},
      {"NN2 3a/3x3",
       {128, 864, 64 * 28 * 28, 1, DType::bf16},
       "gradient mma bf16 128x128x32, 4 stages, 37 splits"},
      {"NN2 5a/3x3",
       {384, 1728, 64 * 7 * 7, 1, DType::bf16},
       "gradient mma bf16 128x128x32, 4 stages, 6 splits"},
      {"NN2 fc", {128, 1024, 64, 1, DType::bf16}, "gradient mma bf16 128x128x32, 4 stages"},
      {"NN1 fc1", {8192, 12544, 64, 1, DType::bf16}, "gradient mma bf16 128x128x32, 4 stages"},
      {"NN1 fc1 data", {64, 12544, 8192, 1, DType::bf16}, "gradient mma bf16 64x128x32, 4 stages, 4 splits"},
      {"NN2 3a/3x3",
       {128, 864, 64 * 28 * 28, 1, DType::f32},
       "gradient fma f32 128x128x16, 3 stages, 37 splits"},
      {"NN1 fc1", {8192, 12544, 64, 1, DType::f32}, "gradient fma f32 128x128x16, 3 stages"},
  };
  return all;
}

TEST("the cut of the networks' weight gradients") {
  for (const Choice& choice : choices())
    expect(describe(choice.product) == choice.cut, choice.name, ": ", describe(choice.product), ", not ",
           choice.cut);
}

TEST("the cut of any weight gradient has a kernel and pixels in every split, and its sums fit") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const int64_t rows : {1, 16, 24, 96, 192, 1000, 8192})
      for (const int64_t columns : {8, 72, 576, 1728, 12544})
        for (const int64_t groups : {1, 4}) {
          int64_t before = 1;
          for (const int64_t pixels : {1, 49, 784, 100000, 30000000}) {
            GradientProduct product{rows, columns, pixels, groups, dtype};
            const auto tile = gradientTile(product);
            expect(sharedBytesOf(tile, dtype) <= 100 * 1024 && tile.rows > 0, describe(product));
            const int64_t splits = gradientSplits(product);
            expect(splits >= before, describe(product), " of ", pixels, " pixels");
            expect(splits == 1 || pixels / splits >= 256, describe(product), " of ", pixels, " pixels");
            expect(splits == 1 || splits * groups * rows * columns * 4 <= facenet::cuda::kMaxSplitBytes,
                   describe(product));
            before = splits;
            product.direct = false;
            const auto any = gradientTile(product);
            expect(any.rows == 64 && any.columns == 64, any.rows, "x", any.columns);
            expect(gradientSplits(product) == splits, "splits depend on how memory is read");
          }
        }
}

TEST("the scratch of weight gradients is never less for more images, and none where sums have one split") {
  const Window one{}, three{3, 3, 1, 1, 1, 1, 1, 1, facenet::Rounding::floor};
  for (const auto& [window, groups, channels] : {std::tuple{one, 1, 64}, {three, 1, 64}, {three, 64, 64}}) {
    int64_t before = 0;
    for (int64_t count = 1; count < 300; ++count) {
      const int64_t bytes = facenet::cuda::weightGradientScratch(window, groups, {14, 14, channels},
                                                                 {14, 14, channels}, count, DType::bf16);
      expect(bytes >= before, bytes, " bytes for ", count, " images");
      before = bytes;
    }
    expect(before > 0 && before <= facenet::cuda::kMaxSplitBytes, before);
  }
  const Shape in{1, 1, 12544}, out{1, 1, 8192};
  expect(facenet::cuda::weightGradientScratch(one, 1, in, out, 256, DType::bf16) == 0, "NN1 fc1");
}

}  // namespace
}  // namespace emulator::tests
