// conv2d: forward by the kernels of inference, with weights that are packed on the device after every change;
// backward by the gradients of its end, its weights and its input, one after the other.
#include <algorithm>

#include "cuda/conv2d/data_gradient/end_gradient.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"
#include "native/backends/cuda/conv/data_gradient.h"
#include "native/backends/cuda/kernels.h"

namespace facenet::cuda {
namespace {

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
    const DType weightType = context.plan.options.dtype;
    forward_ = makePackedConv({.window = window_,
                               .groups = groups_,
                               .in = in_,
                               .out = out_,
                               .order = {.outChannels = out_.channels,
                                         .inChannels = in_.channels,
                                         .kernelHeight = window_.kernelHeight,
                                         .kernelWidth = window_.kernelWidth,
                                         .tapsDown = {window_.kernelHeight},
                                         .tapsAcross = {window_.kernelWidth}},
                               .bias = bias_ >= 0,
                               .inType = inType_,
                               .weightType = weightType},
                              device);
    if (context.inputGradient)
      dataGradient_ = makeConvDataGradient(
          {window_, groups_, in_, out_, context.output(index).dtype, weightType}, device);
  }

  int64_t packedBytes() const {
    return forward_->packedBytes() + (dataGradient_ ? dataGradient_->packedBytes() : 0);
  }
  // The factor of a scaled residual is part of the forward weights; of the backward it is in g.
  void pack(const float* parameters, char* packed, cudaStream_t stream) const {
    forward_->pack(parameters + weight_, bias_ >= 0 ? parameters + bias_ : nullptr, part_.factor, packed,
                   stream);
    if (dataGradient_) dataGradient_->pack(parameters + weight_, packed + forward_->packedBytes(), stream);
  }

  int64_t scratchBytes(int64_t count) const {
    return std::max({forward_->scratchBytes(count), dataGradient_ ? dataGradient_->scratchBytes(count) : 0,
                     endGradientScratch(out_, count),
                     weightGradientScratch(window_, groups_, in_, out_, count, arithmetic_)});
  }

  void forward(const Pass& pass, const View& y, const View& residual, const char* packed,
               cudaStream_t stream) const {
    forward_->launch({packed, pass.x[0], y, part_.activation.kind, residual, pass.scratch}, stream);
  }

  // dy becomes the gradient g of the convolution's sums.
  struct Backward {
    View y, dy, dx, residual;  // dx and residual: gradients, data null where they are not wanted
    bool accumulate, accumulateResidual;
    float* parameters;  // of gradients; null: not wanted
  };
  void backward(const Pass& pass, const Backward& to, const char* packed, cudaStream_t stream) const {
    endGradient({.y = to.y,
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
  int64_t weight_, bias_;      // places in the vector of parameters; bias -1: none
  std::unique_ptr<PackedConv> forward_;
  std::unique_ptr<ConvDataGradient> dataGradient_;  // null: the input's gradient is never wanted
};

// The plans of training have one part a step, and leave prelu a step of its own. Several parts take turns.
class ConvKernel final : public TrainKernel {
 public:
  ConvKernel(const Conv2d& op, const TrainContext& context, const Device& device) : residual_(op.residual) {
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
  static cudaStream_t streamOf(const Pass& pass) { return static_cast<cudaStream_t>(pass.stream); }

  bool residual_;
  std::vector<Part> parts_;
  std::vector<int64_t> offsets_{0};  // of what each part has prepared, and the end
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Conv2d& op, const TrainContext& context,
                                             const Device& device) {
  return std::make_unique<ConvKernel>(op, context, device);
}

}  // namespace facenet::cuda
