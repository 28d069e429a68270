// fully_connected as a GEMM whose rows are images, with maxout and activation after it.

#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/conv/panels.h"
#include "native/backends/cpu/kernels.h"

namespace facenet::cpu {

namespace {

class FullyConnectedKernel final : public Kernel {
 public:
  FullyConnectedKernel(const Plan& plan, const Step& step, const Weights& weights)
      : op_(std::get<FullyConnected>(step.op)), in_(plan.tensors[static_cast<size_t>(step.inputs[0])]) {
    const PlannedTensor& out = plan.tensors[static_cast<size_t>(step.outputs[0])];
    const int64_t features = in_.shape.elements();
    FoldedWeights folded = foldFullyConnected(op_, features, weights, step.name);
    const bool half = in_.dtype == DType::bf16;
    plainInput_ = !half && in_.pixelStride == in_.shape.channels;
    direct_ = op_.maxout == 1 && out.dtype == DType::f32;
    slopes_ = readSlopes(op_.activation, out.shape.channels, weights, step.name);
    const std::vector<Epilogue::Part> parts{{op_.outFeatures,
                                             direct_ ? op_.activation.kind : Activation::Kind::none,
                                             folded.bias, direct_ ? slopes_ : std::vector<float>{}}};
    epilogue_ = std::make_unique<Epilogue>(parts);
    weights_ = GemmWeights(features, epilogue_->vectors(), [&](int64_t k, int64_t lane) {
      if (lane >= op_.outFeatures) return 0.0f;
      const float value = folded.weight[static_cast<size_t>(lane * features + storedIndex(k))];
      return half ? toFloat(toBf16(value)) : value;
    });
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    const int64_t count = inputs[0].count, features = in_.shape.elements();
    auto* columns = static_cast<GemmColumn*>(scratch);
    auto* copy = reinterpret_cast<float*>(columns + roundUp(epilogue_->vectors(), 8));
    auto* product = copy + (plainInput_ ? 0 : roundUp(count * features, 16));
    View in = inputs[0];
    if (!plainInput_) {
      in = {copy, DType::f32, count, in_.shape, in_.shape.channels};
      isa().convert(inputs[0], in);
    }
    const View target =
        direct_ ? outputs[0] : View{product, DType::f32, count, {1, 1, op_.outFeatures}, op_.outFeatures};
    epilogue_->bind({target}, nullptr, columns);
    const float* rows[kMaxTileRows];
    const int64_t tileRows = weights_.rows();
    FACENET_ASSERT(tileRows <= kMaxTileRows);
    for (size_t panel = 0; panel < weights_.panels(); ++panel)
      for (int64_t first = 0; first < count; first += tileRows) {
        for (int64_t i = 0; i < tileRows; ++i)
          rows[i] = in.as<float>() + std::min(first + i, count - 1) * features;
        weights_.multiply({.rows = rows,
                           .tapStride = tileRows,
                           .valid = std::min(tileRows, count - first),
                           .taps = 1,
                           .run = features,
                           .firstPixel = first},
                          columns, panel);
      }
    if (!direct_) finish(target, outputs[0]);
  }

  int64_t scratchBytes(int64_t count) const override {
    return roundUp(epilogue_->vectors(), 8) * static_cast<int64_t>(sizeof(GemmColumn)) +
           ((plainInput_ ? 0 : roundUp(count * in_.shape.elements(), 16)) +
            (direct_ ? 0 : count * op_.outFeatures)) *
               4;
  }

  std::string describe() const override { return "gemm " + weights_.describe(); }

 private:
  // The stored position of the k-th value in memory order H, W, C.
  int64_t storedIndex(int64_t k) const {
    if (!op_.channelsFirst) return k;
    return k % in_.shape.channels * in_.shape.pixels() + k / in_.shape.channels;
  }

  void finish(const View& product, const View& out) const {
    View result = product;
    if (op_.maxout > 1) {
      // In place: the maximum of a group lands before the next group is read.
      result.shape.channels = op_.outFeatures / op_.maxout;
      result.pixelStride = op_.outFeatures;
      for (int64_t n = 0; n < product.count; ++n) {
        float* row = product.as<float>() + n * op_.outFeatures;
        for (int64_t j = 0; j < result.shape.channels; ++j)
          row[j] = *std::max_element(row + j * op_.maxout, row + (j + 1) * op_.maxout);
      }
    }
    isa().activation(result, out, op_.activation.kind, slopes_.empty() ? nullptr : slopes_.data());
  }

  FullyConnected op_;
  PlannedTensor in_;
  bool plainInput_ = true;  // fp32 and dense: read where it is
  bool direct_ = true;      // nothing is left to do after the product
  std::vector<float> slopes_;
  std::unique_ptr<Epilogue> epilogue_;
  GemmWeights weights_;
};

}  // namespace

std::unique_ptr<Kernel> makeFullyConnected(const Plan& plan, const Step& step, const Weights& weights) {
  return std::make_unique<FullyConnectedKernel>(plan, step, weights);
}

}  // namespace facenet::cpu
