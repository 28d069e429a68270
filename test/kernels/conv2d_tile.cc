// The choice of tiles is a pure function: what it says of the networks' layers, on devices of two sizes.
#include "cuda/conv2d/common/tile.h"
#include "test.h"

namespace emulator::tests {
namespace {

using facenet::DType;
using facenet::cuda::chooseTile;
using facenet::cuda::ConvDevice;
using facenet::cuda::ConvProduct;
using facenet::cuda::ConvTile;

constexpr ConvDevice kH200{132, 227 * 1024}, kA100{108, 163 * 1024};

struct Layer {
  const char* name;
  int64_t pixels, columns, terms;  // of one image
};
struct Choice {
  Layer layer;
  int64_t images;
  const char* tile;
};

// Columns decide first: 96, 192 and 176 of merged siblings would leave a third of 128 empty. Then pixels: few
// images of few pixels get small tiles, and long sums that are few tiles in any batch are split.
const std::vector<Choice>& choices() {
  static const std::vector<Choice> all{
      {{"NN2 conv2/1x1", 56 * 56, 64, 64}, 256, "mma bf16 128x64x32, 4 stages"},
      {{"NN2 conv2/3x3", 56 * 56, 192, 576}, 256, "mma bf16 128x96x32, 4 stages"},
      {{"NN2 3a siblings", 28 * 28, 176, 192}, 256, "mma bf16 128x96x32, 4 stages"},
      {{"NN2 3a/3x3", 28 * 28, 128, 864}, 256, "mma bf16 128x128x32, 4 stages"},
      {{"NN2 3a/5x5", 28 * 28, 32, 400}, 256, "mma bf16 128x32x32, 4 stages"},
      {{"NN2 4a siblings", 14 * 14, 384, 640}, 256, "mma bf16 128x128x32, 4 stages"},
      {{"NN2 5a/3x3", 7 * 7, 384, 1728}, 256, "mma bf16 128x96x32, 4 stages"},
      {{"NN2 5a/3x3", 7 * 7, 384, 1728}, 1, "mma bf16 64x64x32, 4 stages"},
      {{"NN2 fc", 1, 128, 1024}, 256, "mma bf16 64x64x32, 4 stages, 4 splits"},
      {{"nn4.small2 3a/3x3", 12 * 12, 128, 864}, 256, "mma bf16 128x128x32, 4 stages"},
      {{"nn4.small2 5a/3x3", 3 * 3, 384, 864}, 256, "mma bf16 128x64x32, 4 stages"},
      {{"nn4.small2 3a/3x3", 12 * 12, 128, 864}, 1, "mma bf16 64x64x32, 4 stages"},
      {{"Inception-ResNet block35 siblings", 17 * 17, 96, 256}, 256, "mma bf16 128x96x32, 4 stages"},
      {{"Inception-ResNet block17 1x7", 8 * 8, 128, 896}, 256, "mma bf16 128x128x32, 4 stages"},
      {{"NN1 fc1", 1, 8192, 12544}, 256, "mma bf16 128x128x32, 4 stages, 2 splits"},
      {{"NN1 fc1", 1, 8192, 12544}, 1, "mma bf16 16x128x32, 4 stages, 2 splits"},
      {{"NN1 fc7128", 1, 128, 4096}, 256, "mma bf16 64x64x32, 4 stages, 16 splits"},
  };
  return all;
}

TEST("tiles of the networks' layers on an H200") {
  for (const Choice& choice : choices()) {
    const ConvTile tile =
        chooseTile({choice.layer.pixels, choice.layer.columns, choice.layer.terms}, choice.images, kH200);
    expect(describe(tile, DType::bf16) == choice.tile, choice.layer.name, " of ", choice.images,
           " images: ", describe(tile, DType::bf16), ", not ", choice.tile);
  }
}

TEST("any tile that is chosen has a kernel, fits the device and leaves every split some terms") {
  for (const ConvDevice& device : {kH200, kA100, ConvDevice{2, 163 * 1024}, ConvDevice{1, 100 * 1024}})
    for (const int64_t pixels : {1, 7, 49, 784, 3136, 100000, 30000000})
      for (const int64_t columns : {8, 24, 64, 96, 128, 192, 1000, 8192})
        for (const int64_t terms : {8, 72, 576, 1728, 12544})
          for (const bool direct : {true, false}) {
            ConvProduct product{pixels, columns, terms};
            product.direct = direct;
            const ConvTile tile = chooseTile(product, 1, device);
            bool known = false;
            for (const auto& shape : facenet::cuda::mmaShapes())
              known = known || (shape.tile.rows == tile.rows && shape.tile.columns == tile.columns);
            expect(known && sharedBytesOf(tile) < device.sharedBytes, describe(tile, DType::f16));
            expect(direct || (tile.rows == 64 && tile.columns == 64), describe(tile, DType::f16));
            const int64_t steps = (terms + tile.terms - 1) / tile.terms;
            expect((steps + tile.splits - 1) / tile.splits * (tile.splits - 1) < steps, steps,
                   " steps: ", describe(tile, DType::f16));
          }
}

TEST("the splits of a product do not depend on the batch") {
  for (const Choice& choice : choices()) {
    const ConvProduct image{choice.layer.pixels, choice.layer.columns, choice.layer.terms};
    for (const int64_t images : {1, 2, 7, 33, 256, 1024})
      expect(chooseTile(image, images, kH200).splits == chooseTile(image, 1, kH200).splits,
             choice.layer.name);
  }
}

}  // namespace
}  // namespace emulator::tests
