#include "case.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/aligned.h"

namespace facenet::train::test {
namespace {

constexpr float between = 12345;  // what lies between the pixels of a slice, and must stay there

std::vector<float> random(std::mt19937& generator, int64_t count, float low, float high) {
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(generator);
  return values;
}

// A permutation of evenly spaced values.
std::vector<float> spaced(std::mt19937& generator, int64_t count, float low, float high) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = low + (high - low) * (static_cast<float>(i) + 0.5f) / static_cast<float>(count);
  std::shuffle(values.begin(), values.end(), generator);
  return values;
}

std::vector<Shape> outputShapes(Op& op, const Case& item) {
  const Shape whole = inferShape(op, item.inputs, item.name);
  const auto* conv = std::get_if<Conv2d>(&op);
  if (!conv) return {whole};
  std::vector<Shape> shapes;
  for (const ConvPart& part : conv->parts) shapes.push_back({whole.height, whole.width, part.outChannels});
  return shapes;
}

}  // namespace

Bench::Bench(const Case& item) : item_(item) {
  std::mt19937 generator(static_cast<uint32_t>(std::hash<std::string>()(item.name)));
  Step step{.name = item.name, .op = item.op, .inputs = {}, .outputs = {}, .layers = {item.name}};
  const auto addTensor = [&](const Shape& shape) {
    plan_.tensors.push_back({.name = text("t", plan_.tensors.size()), .shape = shape});
    plan_.tensors.back().pixelStride = shape.channels + item.slack;
    return static_cast<int>(plan_.tensors.size()) - 1;
  };
  for (const Shape& shape : item.inputs) {
    step.inputs.push_back(addTensor(shape));
    const int64_t elements = item.count * shape.elements();
    inputs_.push_back(item.distinct ? spaced(generator, elements, item.low, item.high)
                                    : random(generator, elements, item.low, item.high));
    if (item.levels)
      for (float& value : inputs_.back()) value = std::round(value * static_cast<float>(item.levels));
    before_.push_back(random(generator, elements, -1, 1));
  }
  for (const Shape& shape : outputShapes(step.op, item)) {
    step.outputs.push_back(addTensor(shape));
    outputGradients_.push_back(random(generator, item.count * shape.elements(), -1, 1));
  }
  plan_.steps.push_back(step);

  // Weights first, running statistics after them, each on a multiple of 16 elements.
  for (const bool running : {false, true}) {
    for (const Weight& weight : item.weights) {
      if (weight.running != running) continue;
      parameters_.list.push_back({weight.name, weight.shape, parameters_.elements, !running});
      const int64_t elements = parameters_.list.back().elements();
      const std::vector<float> values = random(generator, elements, weight.low, weight.high);
      parameterValues_.insert(parameterValues_.end(), values.begin(), values.end());
      parameters_.elements += (elements + 15) / 16 * 16;
      parameterValues_.resize(static_cast<size_t>(parameters_.elements));
    }
    if (!running) parameters_.trainable = parameters_.elements;
  }
  gradientsBefore_ = random(generator, parameters_.trainable, -1, 1);
}

View Bench::view(int tensor, float* data) const {
  const PlannedTensor& planned = plan_.tensors[static_cast<size_t>(tensor)];
  return {data, DType::f32, item_.count, planned.shape, planned.pixelStride};
}

std::vector<float> Bench::scattered(int tensor, const std::vector<float>& dense, float fill) const {
  const PlannedTensor& planned = plan_.tensors[static_cast<size_t>(tensor)];
  const int64_t pixels = item_.count * planned.shape.pixels(), channels = planned.shape.channels;
  std::vector<float> buffer(static_cast<size_t>(pixels * planned.pixelStride), fill);
  for (int64_t p = 0; p < pixels; ++p)
    std::copy_n(dense.begin() + p * channels, channels, buffer.begin() + p * planned.pixelStride);
  return buffer;
}

std::vector<float> Bench::gathered(int tensor, const std::vector<float>& buffer) const {
  const PlannedTensor& planned = plan_.tensors[static_cast<size_t>(tensor)];
  const int64_t pixels = item_.count * planned.shape.pixels(), channels = planned.shape.channels;
  std::vector<float> dense;
  for (int64_t p = 0; p < pixels; ++p) {
    const auto pixel = buffer.begin() + p * planned.pixelStride;
    dense.insert(dense.end(), pixel, pixel + channels);
    for (int64_t c = channels; c < planned.pixelStride; ++c)
      if (pixel[c] != between) throw std::runtime_error("wrote between the channels of a slice");
  }
  return dense;
}

double Bench::loss(const TrainKernel& kernel, size_t tensor, int64_t index, double step) const {
  std::vector<std::vector<float>> inputs = inputs_;
  std::vector<float> parameters = parameterValues_;
  float& moved = tensor < inputs.size() ? inputs[tensor][static_cast<size_t>(index)]
                                        : parameters[static_cast<size_t>(index)];
  moved = static_cast<float>(moved + step);
  ThreadPool pool(1);
  Pass pass;
  std::vector<std::vector<float>> buffers;
  const Step& plan = plan_.steps[0];
  for (size_t i = 0; i < inputs.size(); ++i) buffers.push_back(scattered(plan.inputs[i], inputs[i], between));
  for (size_t o = 0; o < plan.outputs.size(); ++o)
    buffers.push_back(scattered(plan.outputs[o], outputGradients_[o], between));
  for (size_t i = 0; i < inputs.size(); ++i) pass.x.push_back(view(plan.inputs[i], buffers[i].data()));
  for (size_t o = 0; o < plan.outputs.size(); ++o)
    pass.y.push_back(view(plan.outputs[o], buffers[inputs.size() + o].data()));
  const auto saved = alignedArray<char>(kernel.savedBytes(item_.count));
  const auto scratch = alignedArray<char>(kernel.scratchBytes(item_.count));
  pass.saved = saved.get();
  pass.scratch = scratch.get();
  pass.parameters = parameters.data();
  pass.threads = &pool;
  pass.runningStatistics = item_.runningStatistics;
  kernel.forward(pass);
  double sum = 0;
  for (size_t o = 0; o < plan.outputs.size(); ++o) {
    const std::vector<float> y = gathered(plan.outputs[o], buffers[inputs.size() + o]);
    for (size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y[i]) * outputGradients_[o][i];
  }
  return sum;
}

Results Bench::run(const TrainKernel& kernel, int threads, const Results* outputs) const {
  const Step& step = plan_.steps[0];
  const float unset = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::vector<float>> x, y, dx, dy;
  Pass pass;
  Gradients gradients;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::vector<float> dense =
        item_.accumulate ? before_[i] : std::vector<float>(before_[i].size(), unset);
    x.push_back(scattered(step.inputs[i], inputs_[i], between));
    dx.push_back(scattered(step.inputs[i], dense, between));
    gradients.accumulate.push_back(item_.accumulate);
  }
  for (size_t o = 0; o < step.outputs.size(); ++o) {
    y.push_back(scattered(step.outputs[o], std::vector<float>(outputGradients_[o].size(), unset), between));
    dy.push_back(scattered(step.outputs[o], outputGradients_[o], between));
  }
  for (size_t i = 0; i < x.size(); ++i) {
    pass.x.push_back(view(step.inputs[i], x[i].data()));
    gradients.dx.push_back(view(step.inputs[i], item_.inPlace ? dy[i].data() : dx[i].data()));
  }
  for (size_t o = 0; o < y.size(); ++o) {
    pass.y.push_back(view(step.outputs[o], item_.inPlace ? x[o].data() : y[o].data()));
    gradients.dy.push_back(view(step.outputs[o], dy[o].data()));
  }

  std::vector<float> parameters = parameterValues_, parameterGradients = gradientsBefore_;
  const auto saved = alignedArray<char>(kernel.savedBytes(item_.count));
  const auto scratch = alignedArray<char>(kernel.scratchBytes(item_.count));
  ThreadPool pool(threads);
  pass.saved = saved.get();
  pass.scratch = scratch.get();
  pass.parameters = parameters.data();
  pass.threads = &pool;
  pass.statisticsRate = 0.1f;
  pass.runningStatistics = item_.runningStatistics;
  gradients.parameters = parameterGradients.data();

  Results results;
  const auto keep = [&](const std::string& name, std::vector<float> values) {
    results.names.push_back(name);
    results.values.push_back(std::move(values));
  };
  kernel.forward(pass);
  for (size_t o = 0; o < y.size(); ++o) {
    std::vector<float>& buffer = item_.inPlace ? x[o] : y[o];
    keep(text("y", o), gathered(step.outputs[o], buffer));
    if (outputs) {
      const std::vector<float> given = scattered(step.outputs[o], outputs->values[o], between);
      std::copy(given.begin(), given.end(), buffer.begin());
    }
  }
  kernel.backward(pass, gradients);
  for (size_t i = 0; i < x.size(); ++i)
    keep(text("dx", i), gathered(step.inputs[i], item_.inPlace ? dy[i] : dx[i]));
  for (const Parameter& parameter : parameters_.list) {
    const auto& from = parameter.trainable ? parameterGradients : parameters;
    const auto first = from.begin() + parameter.offset;
    keep((parameter.trainable ? "d" : "") + parameter.name, {first, first + parameter.elements()});
  }
  return results;
}

}  // namespace facenet::train::test
