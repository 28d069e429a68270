// fully_connected.
//
// Inference: a convolution whose window covers the image. Its one pixel per image is the vector of results, and the
// input is read where it lies.
//
// Training: products of images and weights. Images of several pixels are first laid out as vectors in the order of
// the weights. One copy of the weights, in the type they are multiplied in, serves the forward product and the gradient
// of the input; fp32 weights serve as they are where the product can read them.
#include <algorithm>

#include "cuda/conv2d/common/pack_weights.cuh"
#include "cuda/conv2d/data_gradient/epilogue_gradient.cuh"
#include "cuda/conv2d/weight_gradient/weight_gradient.cuh"
#include "cuda/flatten.cuh"
#include "native/backends/cuda/conv/layer_kernel.h"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

// Printed plans name the tiles of a batch of this size, as products do.
constexpr int64_t describedImages = 256;
// Rows of a product's operands begin at multiples of so many elements.
constexpr int64_t rowAlignment = 8;

char* at(void* memory, int64_t offset) {
  return memory ? static_cast<char*>(memory) + offset : nullptr;
}

View vectors(void* data, DType dtype, int64_t count, int64_t elements) {
  return {data, dtype, count, {1, 1, elements}, roundUp(elements, rowAlignment)};
}

int64_t bytesOf(const View& view) {
  return roundUp(view.count * view.imageStride() * static_cast<int64_t>(byteSize(view.dtype)), 256);
}

// The layer's weights as rows of a product.
class Rows {
 public:
  Rows(const FullyConnected& op, const TrainContext& context)
      : out_(op.outFeatures),
        features_(context.input().shape.elements()),
        dtype_(context.plan.options.dtype),
        weight_(context.parameters.at(op.weight).offset),
        bias_(op.bias.empty() ? -1 : context.parameters.at(op.bias).offset),
        columns_(roundUp(out_, kColumnAlignment)),
        rowTerms_(roundUp(features_, rowAlignment)) {}

  int64_t bytes() const { return weightBytes() + (bias_ < 0 ? 0 : roundUp(columns_ * 4, 256)); }

  void pack(const Pass& pass) const {
    if (!inPlace())
      packWeights({.weight = pass.parameters + weight_,
                   .outChannels = out_,
                   .inChannels = features_,
                   .tapsDown = {},
                   .tapsAcross = {},
                   .to = pass.prepared,
                   .dtype = dtype_,
                   .columns = columns_,
                   .tapTerms = rowTerms_},
                  streamOf(pass));
    if (bias_ >= 0) packBias(pass.parameters + bias_, out_, 1, 1, columns_, packedBias(pass), streamOf(pass));
  }

  ConvWeights weights(const Pass& pass) const {
    return {.weight = view(pass).data,
            .dtype = dtype_,
            .columns = columns_,
            .tapTerms = rowTerms_,
            .rowTerms = rowTerms_,
            .bias = bias_ < 0 ? nullptr : packedBias(pass)};
  }

  // One row per output feature.
  View view(const Pass& pass) const {
    return vectors(inPlace() ? pass.parameters + weight_ : pass.prepared, dtype_, out_, features_);
  }

  float* weightGradient(float* parameters) const { return parameters + weight_; }
  float* biasGradient(float* parameters) const {
    return parameters && bias_ >= 0 ? parameters + bias_ : nullptr;
  }

 private:
  bool inPlace() const { return dtype_ == DType::f32 && columns_ == out_ && rowTerms_ == features_; }
  int64_t weightBytes() const {
    return inPlace() ? 0 : roundUp(columns_ * rowTerms_ * static_cast<int64_t>(byteSize(dtype_)), 256);
  }
  float* packedBias(const Pass& pass) const {
    return reinterpret_cast<float*>(at(pass.prepared, weightBytes()));
  }

  int64_t out_, features_;
  DType dtype_;
  int64_t weight_, bias_;  // among the parameters; no bias: negative
  int64_t columns_, rowTerms_;
};

class FullyConnectedTrainKernel final : public TrainKernel {
 public:
  FullyConnectedTrainKernel(const FullyConnected& op, const TrainContext& context)
      : op_(op),
        in_(context.input().shape),
        dtype_(context.plan.options.dtype),
        arithmetic_(gradientArithmetic(isVector() ? context.input().dtype : dtype_, context.output().dtype)),
        rows_(op, context),
        problem_{.kind = ConvProblem::Kind::fullyConnected,
                 .training = true,
                 .in = flatShape(),
                 .out = {1, 1, op.outFeatures},
                 .outChannels = op.outFeatures,
                 .inChannels = flatShape().channels,
                 .inType = isVector() ? context.input().dtype : dtype_,
                 .weightType = dtype_,
                 .pixelStride = isVector() ? context.input().pixelStride : 0,
                 .aligned = !isVector() || context.input().channelOffset % rowAlignment == 0} {}

  int64_t preparedBytes() const override { return rows_.bytes(); }
  void prepare(const Pass& pass) const override { rows_.pack(pass); }

  int64_t scratchBytes(int64_t count) const override {
    const Shape out{1, 1, op_.outFeatures};
    const int64_t rest =
        std::max({product(count).scratchBytes, epilogueGradientScratch(out, count),
                  weightGradientScratch({}, 1, flatShape(), out, count, dtype_),
                  weightGradientScratch({}, 1, flatShape(), {1, 1, count}, op_.outFeatures, dtype_)});
    return Scratch(*this, nullptr, count).restOffset + rest;
  }

  void forward(const Pass& pass) const override {
    const Scratch scratch(*this, pass.scratch, pass.x[0].count);
    launchProduct(product(pass.x[0].count),
                  {.window = {},
                   .x = flattened(pass, scratch),
                   .weights = rows_.weights(pass),
                   .to = {{pass.y[0], 0, op_.activation.kind}},
                   .residual = {},
                   .scratch = scratch.rest},
                  streamOf(pass));
  }

  void backward(const Pass& pass, const Gradients& gradients) const override {
    const Scratch scratch(*this, pass.scratch, pass.x[0].count);
    const View& dy = gradients.dy[0];
    epilogueGradient({.y = pass.y[0],
                      .dy = dy,
                      .activation = op_.activation.kind,
                      .residual = {},
                      .bias = rows_.biasGradient(gradients.parameters),
                      .scratch = scratch.rest},
                     streamOf(pass));
    if (gradients.parameters)
      weightGradient({.window = {},
                      .x = flattened(pass, scratch),
                      .g = dy,
                      .weight = rows_.weightGradient(gradients.parameters),
                      .scratch = scratch.rest},
                     streamOf(pass));
    if (gradients.dx[0].data) dataGradient(pass, dy, gradients.dx[0], gradients.accumulate[0], scratch);
  }

  std::string describe() const override {
    const Shape out{1, 1, op_.outFeatures}, images{1, 1, describedImages};
    return text(cuda::describe(problem_, kTrainingDevice), "; data ",
                describeWeightGradient({}, 1, flatShape(), images, op_.outFeatures, dtype_), "; weights ",
                describeWeightGradient({}, 1, flatShape(), out, describedImages, arithmetic_));
  }

 private:
  // What a call keeps in its scratch.
  struct Scratch {
    Scratch(const FullyConnectedTrainKernel& kernel, void* memory, int64_t count)
        : x(vectors(memory, kernel.dtype_, count, kernel.in_.elements())),
          g(vectors(at(memory, bytesOf(x)), kernel.dtype_, kernel.op_.outFeatures, count)),
          dx{at(g.data, bytesOf(g)), DType::f32, count, x.shape, kernel.in_.elements()},
          rest(at(dx.data, bytesOf(dx))),
          restOffset(bytesOf(x) + bytesOf(g) + bytesOf(dx)) {}

    View x;      // one row per image
    View g;      // one row per output feature, of the gradients of all images
    View dx;     // the gradients of x
    void* rest;  // of one product
    int64_t restOffset;
  };

  Shape flatShape() const { return {1, 1, in_.elements()}; }
  // The elements of one pixel are in the order of the weights as they are.
  bool isVector() const { return in_.pixels() == 1; }

  ConvConfig product(int64_t count) const { return chooseConv(problem_, count, kTrainingDevice); }

  View flattened(const Pass& pass, const Scratch& scratch) const {
    if (isVector()) return pass.x[0];
    flatten(pass.x[0], op_.channelsFirst, scratch.x, streamOf(pass));
    return scratch.x;
  }

  // dx[n, i] = sum over o of dy[n, o] w[o, i] is the weight gradient of a layer whose images are the features
  // o, with inputs w[o] and output gradients dy[.., o].
  void dataGradient(const Pass& pass, const View& dy, const View& dx, bool accumulate,
                    const Scratch& scratch) const {
    const cudaStream_t stream = streamOf(pass);
    transpose(dy, scratch.g, stream);
    weightGradient({.window = {},
                    .x = rows_.view(pass),
                    .g = scratch.g,
                    .weight = scratch.dx.as<float>(),
                    .add = false,
                    .scratch = scratch.rest},
                   stream);
    unflatten(scratch.dx, op_.channelsFirst, accumulate, dx, stream);
  }

  FullyConnected op_;
  Shape in_;
  DType dtype_;
  DType arithmetic_;  // of the weight gradient
  Rows rows_;
  ConvProblem problem_;
};

}  // namespace

std::unique_ptr<DeviceKernel> makeKernel(const FullyConnected& op, const StepContext& context,
                                         const Device& device) {
  const PlannedTensor& x = context.input();
  const Window window{.kernelHeight = x.shape.height, .kernelWidth = x.shape.width};
  FoldedLayer layer;
  layer.add(foldFullyConnected(op, x.shape.elements(), context.weights, context.step.name), op.activation,
            op.outFeatures / op.maxout, context);
  const ConvProblem problem{.kind = ConvProblem::Kind::fullyConnected,
                            .window = window,
                            .in = x.shape,
                            .out = context.output().shape,
                            .maxout = op.maxout,
                            .inChannels = x.shape.channels,
                            .kernelHeight = window.kernelHeight,
                            .kernelWidth = window.kernelWidth,
                            .tapsDown = {window.kernelHeight},
                            .tapsAcross = {window.kernelWidth},
                            .channelsLast = !op.channelsFirst,
                            .inType = x.dtype,
                            .weightType = context.plan.options.dtype,
                            .pixelStride = x.pixelStride};
  return std::make_unique<LayerKernel>(problem, std::move(layer), false, device);
}

// Training plans leave prelu and maxout as steps of their own.
std::unique_ptr<TrainKernel> makeTrainKernel(const FullyConnected& op, const TrainContext& context,
                                             const Device&) {
  FACENET_ASSERT(op.norms.empty() && op.maxout == 1 && op.activation.kind != Activation::Kind::prelu);
  return std::make_unique<FullyConnectedTrainKernel>(op, context);
}

}  // namespace facenet::cuda
