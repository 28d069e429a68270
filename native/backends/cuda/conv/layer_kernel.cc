#include "native/backends/cuda/conv/layer_kernel.h"

#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

DeviceBuffer<float> onDevice(const std::vector<float>& values) {
  DeviceBuffer<float> buffer(static_cast<int64_t>(values.size()));
  if (!values.empty()) buffer.copyFrom(values.data());
  return buffer;
}

// A value as weights of a plan of this type are stored.
float roundedTo(DType dtype, float value) {
  if (dtype == DType::bf16) return toFloat(toBf16(value));
  return dtype == DType::f16 ? toFloat(toF16(value)) : value;
}

void append(std::vector<float>& to, size_t at, const std::vector<float>& values) {
  to.resize(at);
  to.insert(to.end(), values.begin(), values.end());
}

ConvProblem completed(ConvProblem problem, const FoldedLayer& layer) {
  problem.outChannels = problem.out.channels = layer.outChannels;
  problem.bias = true;
  problem.slope = !layer.slope.empty();
  return problem;
}

}  // namespace

void FoldedLayer::add(const FoldedWeights& part, const Activation& activation, int64_t results,
                      const StepContext& context) {
  const size_t row = part.weight.size() / part.bias.size();
  const int64_t first = roundUp(outChannels, kColumnAlignment);
  firstChannels.push_back(first);
  activations.push_back(activation.kind);
  outChannels = first + static_cast<int64_t>(part.bias.size());
  append(weight, static_cast<size_t>(first) * row, part.weight);
  append(bias, static_cast<size_t>(first), part.bias);
  if (activation.kind == Activation::Kind::prelu)
    append(slope, static_cast<size_t>(first),
           context.weights.read(activation.slope, {results}, context.step.name, /*allowScalar=*/true));
}

LayerKernel::LayerKernel(const ConvProblem& problem, FoldedLayer layer, bool residual, const Device& device)
    : conv_(completed(problem, layer), device),
      packed_(conv_.packedBytes()),
      firstChannels_(layer.firstChannels),
      activations_(layer.activations),
      residual_(residual) {
  // Depthwise weights are stored in x's type, which is fp32 where x is the caller's, but rounded as all others are.
  if (isDepthwise(problem.groups, problem.inChannels))
    for (float& value : layer.weight) value = roundedTo(problem.weightType, value);
  if (!layer.slope.empty()) layer.slope.resize(static_cast<size_t>(layer.outChannels / problem.maxout));
  const auto weight = onDevice(layer.weight), bias = onDevice(layer.bias), slope = onDevice(layer.slope);
  conv_.pack({weight.data(), bias.data(), layer.slope.empty() ? nullptr : slope.data()}, packed_.data(),
             nullptr);
  FACENET_CUDA_CHECK(cudaStreamSynchronize(nullptr));
}

void LayerKernel::launch(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                         cudaStream_t stream) const {
  PackedConv::Call call{packed_.data(), inputs[0], {}, residual_ ? inputs[1] : View{}, scratch};
  for (size_t p = 0; p < outputs.size(); ++p)
    call.to.push_back({outputs[p], firstChannels_[p], activations_[p]});
  conv_.launch(call, stream);
}

}  // namespace facenet::cuda
