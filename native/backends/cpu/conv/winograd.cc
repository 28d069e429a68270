// conv2d 3x3 with stride 1 by Winograd's F(4x4, 3x3): input tiles to 36 planes, one product a plane, planes
// to output tiles. The product runs on the same tile kernel as the implicit GEMM. Error against a direct sum:
// a few times larger (the transforms multiply by up to 8), about 1e-6 of the largest output on networks'
// activations.

#include <array>

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/conv/panels.h"
#include "native/backends/cpu/conv/winograd_tiles.h"

namespace facenet::cpu {

namespace {

constexpr int64_t kPlanes = 36;
// What the planes of a block of tiles should fit in, inputs and products together: about a core's L2. Late
// layers have more bytes of filters than that, which every block reads again, so blocks are at least
// kMinTiles.
constexpr int64_t kBlockBytes = 2 << 20;
constexpr int64_t kMinTiles = 28;

// G g G^T for one 3x3 filter, in fp64.
std::array<double, kPlanes> transformFilter(const float* g) {
  constexpr double G[6][3] = {{1.0 / 4, 0, 0},
                              {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                              {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                              {1.0 / 24, 1.0 / 12, 1.0 / 6},
                              {1.0 / 24, -1.0 / 12, 1.0 / 6},
                              {0, 0, 1}};
  double half[6][3] = {};
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) half[i][j] += G[i][k] * g[k * 3 + j];
  std::array<double, kPlanes> result{};
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j)
      for (int k = 0; k < 3; ++k) result[static_cast<size_t>(i * 6 + j)] += half[i][k] * G[j][k];
  return result;
}

class ConvWinograd final : public Kernel {
 public:
  ConvWinograd(const Plan& plan, const Step& step, const Weights& weights)
      : op_(std::get<Conv2d>(step.op)),
        in_(plan.tensors[static_cast<size_t>(step.inputs[0])].shape),
        out_(plan.tensors[static_cast<size_t>(step.outputs[0])].shape),
        tiles_(out_.height, out_.width, -op_.window.padTop, -op_.window.padLeft, in_.channels),
        inStride_(roundUp(in_.channels, isa().lanes)) {
    std::vector<Epilogue::Part> parts;
    std::vector<FoldedWeights> folded;
    for (const ConvPart& part : op_.parts) {
      folded.push_back(foldConvPart(part, in_.channels, op_.window, weights, step.name));
      parts.push_back({part.outChannels, part.activation.kind, folded.back().bias,
                       readSlopes(part.activation, part.outChannels, weights, step.name)});
    }
    epilogue_ = std::make_unique<Epilogue>(parts);
    outStride_ = epilogue_->vectors() * isa().lanes;
    packFilters(folded);
    const int64_t tileBytes = kPlanes * (inStride_ + outStride_) * 4;
    blockTiles_ = roundUp(std::max(kMinTiles, kBlockBytes / tileBytes), filters_[0].rows());
    noBias_.assign(static_cast<size_t>(isa().lanes), 0.0f);
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    auto* columns = static_cast<GemmColumn*>(scratch);
    auto* planeColumns = columns + epilogue_->vectors();
    auto* transformed = reinterpret_cast<float*>(planeColumns + roundUp(epilogue_->vectors(), 8));
    float* products = transformed + kPlanes * blockTiles_ * inStride_;
    epilogue_->bind(outputs, op_.residual ? &inputs[1] : nullptr, columns);
    const int64_t tiles = tiles_.count(inputs[0].count);
    for (int64_t first = 0; first < tiles; first += blockTiles_) {
      const int64_t count = std::min(blockTiles_, tiles - first);
      for (int64_t t = 0; t < count; ++t)
        tiles_.transformInput(inputs[0], first + t, transformed + t * inStride_, blockTiles_ * inStride_);
      for (int64_t plane = 0; plane < kPlanes; ++plane)
        multiplyPlane(plane, count, transformed + plane * blockTiles_ * inStride_,
                      products + plane * blockTiles_ * outStride_, planeColumns);
      for (int64_t t = 0; t < count; ++t) transformOutput(first + t, products + t * outStride_, columns);
    }
  }

  int64_t scratchBytes(int64_t) const override {
    return (2 * roundUp(epilogue_->vectors(), 8)) * static_cast<int64_t>(sizeof(GemmColumn)) +
           kPlanes * blockTiles_ * (inStride_ + outStride_) * 4;
  }

  std::string describe() const override {
    return text("winograd 4x4, blocks of ", blockTiles_, " tiles, ", isa().name);
  }

 private:
  void packFilters(const std::vector<FoldedWeights>& folded) {
    // planes[lane][channel]: the 36 transformed values of one filter.
    std::vector<std::array<double, kPlanes>> filters(static_cast<size_t>(outStride_ * in_.channels));
    for (size_t p = 0; p < op_.parts.size(); ++p)
      for (int64_t o = 0; o < op_.parts[p].outChannels; ++o)
        for (int64_t c = 0; c < in_.channels; ++c)
          filters[static_cast<size_t>((epilogue_->firstVector(p) * isa().lanes + o) * in_.channels + c)] =
              transformFilter(folded[p].weight.data() + (o * in_.channels + c) * 9);
    for (int64_t plane = 0; plane < kPlanes; ++plane)
      filters_.emplace_back(in_.channels, epilogue_->vectors(), [&](int64_t k, int64_t lane) {
        return static_cast<float>(
            filters[static_cast<size_t>(lane * in_.channels + k)][static_cast<size_t>(plane)]);
      });
  }

  void multiplyPlane(int64_t plane, int64_t tiles, const float* in, float* out, GemmColumn* columns) const {
    for (int64_t v = 0; v < epilogue_->vectors(); ++v)
      columns[v] = {noBias_.data(), nullptr, nullptr, 0, out + v * isa().lanes, outStride_, isa().lanes, {}};
    const GemmWeights& filters = filters_[static_cast<size_t>(plane)];
    const float* rows[kMaxTileRows];
    const int64_t tileRows = filters.rows();
    FACENET_ASSERT(tileRows <= kMaxTileRows);
    for (size_t panel = 0; panel < filters.panels(); ++panel)
      for (int64_t first = 0; first < tiles; first += tileRows) {
        for (int64_t i = 0; i < tileRows; ++i) rows[i] = in + std::min(first + i, tiles - 1) * inStride_;
        filters.multiply({.rows = rows,
                          .tapStride = tileRows,
                          .valid = std::min(tileRows, tiles - first),
                          .taps = 1,
                          .run = in_.channels,
                          .firstPixel = first},
                         columns, panel);
      }
  }

  void transformOutput(int64_t tile, const float* products, const GemmColumn* columns) const {
    const auto [image, y0, x0] = tiles_.cornerOf(tile);
    isa().winogradOutput({products, blockTiles_ * outStride_, columns, epilogue_->vectors(),
                          (image * out_.height + y0) * out_.width + x0, out_.width,
                          std::min<int64_t>(4, out_.height - y0), std::min<int64_t>(4, out_.width - x0)});
  }

  Conv2d op_;
  Shape in_, out_;
  WinogradTiles tiles_;
  int64_t inStride_, outStride_ = 0;  // floats a tile in one plane
  int64_t blockTiles_ = 0;
  std::vector<float> noBias_;
  std::unique_ptr<Epilogue> epilogue_;
  std::vector<GemmWeights> filters_;  // one a plane
};

}  // namespace

std::unique_ptr<Kernel> makeConvWinograd(const Plan& plan, const Step& step, const Weights& weights) {
  return std::make_unique<ConvWinograd>(plan, step, weights);
}

}  // namespace facenet::cpu
