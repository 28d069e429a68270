// conv2d. Inference: one product of all sibling parts, or as few as hold them. Training: forward by the same kernels,
// with weights that are packed after every change; backward by the gradients of the epilogue, the weights and the
// input, one after the other.
#include <algorithm>

#include "cuda/conv2d/data_gradient/epilogue_gradient.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"
#include "native/backends/cuda/conv/data_gradient.h"
#include "native/backends/cuda/conv/layer_kernel.h"

namespace facenet::cuda {
namespace {

// Of a forward, but for what depends on the weights.
template <class Context>  // StepContext or TrainContext
ConvProblem problemOf(const Conv2d& op, const Context& context) {
  const PlannedTensor &x = context.input(), &y = context.output();
  const int64_t channels = op.inChannels(x.shape.channels);
  return {.window = op.window,
          .groups = op.groups,
          .in = {x.shape.height, x.shape.width, channels},
          .out = y.shape,
          .preprocess = op.preprocess,
          .inChannels = channels,
          .kernelHeight = op.window.kernelHeight,
          .kernelWidth = op.window.kernelWidth,
          .tapsDown = {op.window.kernelHeight},
          .tapsAcross = {op.window.kernelWidth},
          .inType = x.dtype,
          .weightType = context.plan.options.dtype,
          .pixelStride = x.pixelStride};
}

class ConvKernel final : public DeviceKernel {
 public:
  ConvKernel(const Conv2d& op, const StepContext& context, const Device& device) {
    const ConvProblem problem = problemOf(op, context);
    for (size_t first = 0; first < op.parts.size(); first += kMaxParts) {
      FoldedLayer layer;
      for (size_t p = first; p < std::min(first + kMaxParts, op.parts.size()); ++p)
        layer.add(foldConvPart(op.parts[p], problem.inChannels / op.groups, op.window, context.weights,
                               context.step.name),
                  op.parts[p].activation, op.parts[p].outChannels, context);
      layers_.push_back(std::make_unique<LayerKernel>(problem, std::move(layer), op.residual, device));
    }
  }

  void launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
              cudaStream_t stream) const override {
    auto begin = outputs.begin();
    for (const auto& layer : layers_) {
      const auto end = begin + std::min<std::ptrdiff_t>(kMaxParts, outputs.end() - begin);
      layer->launch(inputs, {begin, end}, scratch, stream);
      begin = end;
    }
  }
  int64_t scratchBytes(int64_t count) const override {
    int64_t most = 0;
    for (const auto& layer : layers_) most = std::max(most, layer->scratchBytes(count));
    return most;
  }
  int64_t weightBytes() const override {
    int64_t bytes = 0;
    for (const auto& layer : layers_) bytes += layer->weightBytes();
    return bytes;
  }
  std::string describe() const override { return layers_.front()->describe(); }

 private:
  std::vector<std::unique_ptr<LayerKernel>> layers_;
};

// The convolution of one part, and what it adds to the gradients.
class Part {
 public:
  Part(const Conv2d& op, size_t index, const TrainContext& context, const Device& device)
      : part_(op.parts[index]),
        window_(op.window),
        groups_(op.groups),
        in_(context.input().shape),
        out_(context.output(index).shape),
        inType_(context.input().dtype),
        arithmetic_(gradientArithmetic(inType_, context.output(index).dtype)),
        weight_(context.parameters.at(part_.weight).offset),
        bias_(part_.bias.empty() ? -1 : context.parameters.at(part_.bias).offset) {
    using Kind = Activation::Kind;
    const Kind kind = part_.activation.kind;
    FACENET_ASSERT(kind == Kind::none || kind == Kind::relu || kind == Kind::relu6);
    FACENET_ASSERT(part_.norms.empty());
    ConvProblem problem = problemOf(op, context);
    problem.training = true;
    problem.out = out_;
    problem.outChannels = out_.channels;
    problem.bias = bias_ >= 0;
    forward_ = std::make_unique<PackedConv>(problem, device);
    if (context.inputGradient)
      dataGradient_ = makeConvDataGradient(
          {window_, groups_, in_, out_, context.output(index).dtype, problem.weightType}, device);
  }

  int64_t packedBytes() const {
    return forward_->packedBytes() + (dataGradient_ ? dataGradient_->packedBytes() : 0);
  }
  // The factor of a scaled residual is part of the forward weights; in the backward it is part of g.
  void pack(const float* parameters, char* packed, cudaStream_t stream) const {
    forward_->pack({.weight = parameters + weight_,
                    .bias = bias_ >= 0 ? parameters + bias_ : nullptr,
                    .factor = part_.factor},
                   packed, stream);
    if (dataGradient_) dataGradient_->pack(parameters + weight_, packed + forward_->packedBytes(), stream);
  }

  int64_t scratchBytes(int64_t count) const {
    return std::max({forward_->scratchBytes(count), dataGradient_ ? dataGradient_->scratchBytes(count) : 0,
                     epilogueGradientScratch(out_, count),
                     weightGradientScratch(window_, groups_, in_, out_, count, arithmetic_)});
  }

  void forward(const Pass& pass, const View& y, const View& residual, const char* packed,
               cudaStream_t stream) const {
    forward_->launch({packed, pass.x[0], {{y, 0, part_.activation.kind}}, residual, pass.scratch}, stream);
  }

  // dy becomes the gradient g of the convolution's sums.
  struct Backward {
    View y, dy, dx, residual;  // dx and residual: gradients, data null where they are not wanted
    bool accumulate, accumulateResidual;
    float* parameters;  // of gradients; null: not wanted
  };
  void backward(const Pass& pass, const Backward& to, const char* packed, cudaStream_t stream) const {
    epilogueGradient({.y = to.y,
                      .dy = to.dy,
                      .activation = part_.activation.kind,
                      .factor = part_.factor,
                      .residual = to.residual,
                      .accumulateResidual = to.accumulateResidual,
                      .bias = to.parameters && bias_ >= 0 ? to.parameters + bias_ : nullptr,
                      .scratch = pass.scratch},
                     stream);
    if (to.parameters)
      weightGradient({.window = window_,
                      .groups = groups_,
                      .x = pass.x[0],
                      .g = to.dy,
                      .weight = to.parameters + weight_,
                      .scratch = pass.scratch},
                     stream);
    if (to.dx.data)
      dataGradient_->launch({packed + forward_->packedBytes(), to.dy, to.dx, to.accumulate, pass.scratch},
                            stream);
  }

  std::string describe() const {
    return text(forward_->describe(), dataGradient_ ? "; data " + dataGradient_->describe() : "",
                "; weights ", describeWeightGradient(window_, groups_, in_, out_, 1, arithmetic_));
  }

 private:
  ConvPart part_;
  Window window_;
  int64_t groups_;
  Shape in_, out_;
  DType inType_, arithmetic_;  // arithmetic: of the weight gradient
  int64_t weight_, bias_;      // offsets in the vector of parameters; bias -1: none
  std::unique_ptr<PackedConv> forward_;
  std::unique_ptr<ConvDataGradient> dataGradient_;  // null: the input's gradient is never wanted
};

// The plans of training have one part per step, and leave prelu a step of its own. Several parts are computed one after
// the other.
class ConvTrainKernel final : public TrainKernel {
 public:
  ConvTrainKernel(const Conv2d& op, const TrainContext& context, const Device& device)
      : residual_(op.residual) {
    FACENET_ASSERT(!op.preprocess && (op.parts.size() == 1 || !op.residual));
    for (size_t p = 0; p < op.parts.size(); ++p) {
      parts_.emplace_back(op, p, context, device);
      offsets_.push_back(offsets_.back() + parts_.back().packedBytes());
    }
  }

  int64_t preparedBytes() const override { return offsets_.back(); }
  int64_t scratchBytes(int64_t count) const override {
    int64_t most = 0;
    for (const Part& part : parts_) most = std::max(most, part.scratchBytes(count));
    return most;
  }

  void prepare(const Pass& pass) const override {
    for (size_t p = 0; p < parts_.size(); ++p)
      parts_[p].pack(pass.parameters, packed(pass, p), streamOf(pass));
  }
  void forward(const Pass& pass) const override {
    const View residual = residual_ ? pass.x[1] : View{};
    for (size_t p = 0; p < parts_.size(); ++p)
      parts_[p].forward(pass, pass.y[p], residual, packed(pass, p), streamOf(pass));
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    for (size_t p = 0; p < parts_.size(); ++p)
      parts_[p].backward(pass,
                         {.y = pass.y[p],
                          .dy = gradients.dy[p],
                          .dx = gradients.dx[0],
                          .residual = residual_ ? gradients.dx[1] : View{},
                          .accumulate = p > 0 || gradients.accumulate[0],
                          .accumulateResidual = residual_ && gradients.accumulate[1],
                          .parameters = gradients.parameters},
                         packed(pass, p), streamOf(pass));
  }
  std::string describe() const override { return parts_.front().describe(); }

 private:
  char* packed(const Pass& pass, size_t part) const {
    return static_cast<char*>(pass.prepared) + offsets_[part];
  }

  bool residual_;
  std::vector<Part> parts_;
  std::vector<int64_t> offsets_{0};  // of what each part has prepared, and the end
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const Conv2d& op, const StepContext& context, const Device& device) {
  return std::make_unique<ConvKernel>(op, context, device);
}
std::unique_ptr<TrainKernel> makeTrainKernel(const Conv2d& op, const TrainContext& context,
                                             const Device& device) {
  return std::make_unique<ConvTrainKernel>(op, context, device);
}

}  // namespace facenet::cuda
