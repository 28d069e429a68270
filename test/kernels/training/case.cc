#include "case.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace facenet::train::test {
namespace {

constexpr float between = 12288;  // what lies between the pixels of a slice, and must stay there
constexpr float unset = std::numeric_limits<float>::quiet_NaN();

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

Bench::Bench(const Case& item, const Target& target) : item_(item), target_(target) {
  plan_.options.dtype = target.dtype;
  std::mt19937 generator(static_cast<uint32_t>(std::hash<std::string>()(item.name)));
  Step step{.name = item.name, .op = item.op, .inputs = {}, .outputs = {}, .layers = {item.name}};
  const auto addTensor = [&](const Shape& shape, DType dtype, bool dense = false) {
    plan_.tensors.push_back({.name = text("t", plan_.tensors.size()), .shape = shape, .dtype = dtype});
    const int64_t channels = shape.channels + (dense ? 0 : item.slack);
    const int64_t alignment = dense ? 1 : target.alignment;
    plan_.tensors.back().pixelStride = (channels + alignment - 1) / alignment * alignment;
    return static_cast<int>(plan_.tensors.size()) - 1;
  };
  const auto drawn = [&](int64_t elements, float low, float high) {
    return rounded(random(generator, elements, low, high), target.rounding);
  };
  for (const Shape& shape : item.inputs) {
    step.inputs.push_back(addTensor(shape, target.dtype));
    const int64_t elements = item.count * shape.elements();
    inputs_.push_back(item.distinct ? spaced(generator, elements, item.low, item.high)
                                    : random(generator, elements, item.low, item.high));
    if (item.levels)
      for (float& value : inputs_.back()) value = std::round(value * static_cast<float>(item.levels));
    inputs_.back() = rounded(inputs_.back(), target.rounding);
    before_.push_back(drawn(elements, -1, 1));
  }
  // What is normalised last are the embeddings, which are fp32 in every plan.
  const bool fp32 = item.embeddings || std::holds_alternative<L2Normalize>(item.op);
  const DType outputs = fp32 ? DType::f32 : target.dtype;
  for (const Shape& shape : outputShapes(step.op, item)) {
    step.outputs.push_back(addTensor(shape, outputs, item.embeddings));
    outputGradients_.push_back(drawn(item.count * shape.elements(), -1, 1));
  }
  plan_.steps.push_back(step);

  // Weights first, running statistics after them, each on a multiple of 16 elements.
  for (const bool running : {false, true}) {
    for (const Weight& weight : item.weights) {
      if (weight.running != running) continue;
      parameters_.list.push_back({weight.name, weight.shape, parameters_.elements, !running});
      const int64_t elements = parameters_.list.back().elements();
      const std::vector<float> values = drawn(elements, weight.low, weight.high);
      parameterValues_.insert(parameterValues_.end(), values.begin(), values.end());
      parameters_.elements += (elements + 15) / 16 * 16;
      parameterValues_.resize(static_cast<size_t>(parameters_.elements));
    }
    if (!running) parameters_.trainable = parameters_.elements;
  }
  gradientsBefore_ = random(generator, parameters_.trainable, -1, 1);
}

View Bench::view(int tensor, const Buffer& buffer) const {
  const PlannedTensor& planned = plan_.tensors[static_cast<size_t>(tensor)];
  return {buffer.data(), planned.dtype, item_.count, planned.shape, planned.pixelStride};
}

std::vector<float> Bench::spread(int tensor, const std::vector<float>& dense) const {
  const PlannedTensor& planned = plan_.tensors[static_cast<size_t>(tensor)];
  const int64_t pixels = item_.count * planned.shape.pixels(), channels = planned.shape.channels;
  std::vector<float> values(static_cast<size_t>(pixels * planned.pixelStride), item_.slack ? between : unset);
  for (int64_t p = 0; p < pixels; ++p)
    std::copy_n(dense.begin() + p * channels, channels, values.begin() + p * planned.pixelStride);
  return values;
}

Buffer Bench::scattered(int tensor, const std::vector<float>& dense) const {
  return {target_, plan_.tensors[static_cast<size_t>(tensor)].dtype, spread(tensor, dense)};
}

std::vector<float> Bench::gathered(int tensor, const Buffer& buffer) const {
  const PlannedTensor& planned = plan_.tensors[static_cast<size_t>(tensor)];
  const int64_t pixels = item_.count * planned.shape.pixels(), channels = planned.shape.channels;
  const std::vector<float> values = buffer.read();
  std::vector<float> dense;
  for (int64_t p = 0; p < pixels; ++p) {
    const auto pixel = values.begin() + p * planned.pixelStride;
    dense.insert(dense.end(), pixel, pixel + channels);
    for (int64_t c = channels; c < planned.pixelStride; ++c)
      if (item_.slack && pixel[c] != between)
        throw std::runtime_error("wrote between the channels of a slice");
  }
  return dense;
}

namespace {

// What a kernel is given beside views.
struct Memory {
  Memory(const Target& target, const TrainKernel& kernel, int64_t count, const std::vector<float>& values)
      : parameters(target, DType::f32, values),
        saved(target, kernel.savedBytes(count)),
        scratch(target, kernel.scratchBytes(count)),
        prepared(target, kernel.preparedBytes()) {}

  void give(Pass& pass) const {
    pass.saved = saved.data();
    pass.scratch = scratch.data();
    pass.prepared = prepared.data();
    pass.parameters = static_cast<float*>(parameters.data());
  }

  Buffer parameters, saved, scratch, prepared;
};

}  // namespace

double Bench::loss(const TrainKernel& kernel, size_t tensor, int64_t index, double step) const {
  std::vector<std::vector<float>> inputs = inputs_;
  std::vector<float> parameters = parameterValues_;
  float& moved = tensor < inputs.size() ? inputs[tensor][static_cast<size_t>(index)]
                                        : parameters[static_cast<size_t>(index)];
  moved = static_cast<float>(moved + step);
  ThreadPool pool(1);
  const Memory memory(target_, kernel, item_.count, parameters);
  Pass pass;
  memory.give(pass);
  pass.threads = &pool;
  pass.runningStatistics = item_.runningStatistics;
  kernel.prepare(pass);
  std::vector<Buffer> x, y;
  const Step& plan = plan_.steps[0];
  for (size_t i = 0; i < inputs.size(); ++i) {
    x.push_back(scattered(plan.inputs[i], inputs[i]));
    pass.x.push_back(view(plan.inputs[i], x[i]));
  }
  for (size_t o = 0; o < plan.outputs.size(); ++o) {
    y.push_back(scattered(plan.outputs[o], outputGradients_[o]));
    pass.y.push_back(view(plan.outputs[o], y[o]));
  }
  kernel.forward(pass);
  double sum = 0;
  for (size_t o = 0; o < y.size(); ++o) {
    const std::vector<float> values = gathered(plan.outputs[o], y[o]);
    for (size_t i = 0; i < values.size(); ++i) sum += static_cast<double>(values[i]) * outputGradients_[o][i];
  }
  return sum;
}

Results Bench::run(const TrainKernel& kernel, int threads, const Results* outputs) const {
  const Step& step = plan_.steps[0];
  ThreadPool pool(threads);
  const Memory memory(target_, kernel, item_.count, parameterValues_);
  const Buffer parameterGradients(target_, DType::f32, gradientsBefore_);
  Pass pass;
  memory.give(pass);
  pass.threads = target_.device ? nullptr : &pool;
  kernel.prepare(pass);

  std::vector<Buffer> x, y, dx, dy;
  Gradients gradients;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    x.push_back(scattered(step.inputs[i], inputs_[i]));
    dx.push_back(scattered(step.inputs[i],
                           item_.accumulate ? before_[i] : std::vector<float>(before_[i].size(), unset)));
    gradients.accumulate.push_back(item_.accumulate);
  }
  for (size_t o = 0; o < step.outputs.size(); ++o) {
    y.push_back(scattered(step.outputs[o], std::vector<float>(outputGradients_[o].size(), unset)));
    dy.push_back(scattered(step.outputs[o], outputGradients_[o]));
  }
  if (item_.inPlace) {
    y = x;
    dx = dy;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    pass.x.push_back(view(step.inputs[i], x[i]));
    gradients.dx.push_back(view(step.inputs[i], dx[i]));
  }
  for (size_t o = 0; o < y.size(); ++o) {
    pass.y.push_back(view(step.outputs[o], y[o]));
    gradients.dy.push_back(view(step.outputs[o], dy[o]));
  }
  pass.statisticsRate = 0.1f;
  pass.runningStatistics = item_.runningStatistics;
  gradients.parameters = static_cast<float*>(parameterGradients.data());

  Results results;
  const auto keep = [&](const std::string& name, std::vector<float> values) {
    results.names.push_back(name);
    results.values.push_back(std::move(values));
  };
  kernel.forward(pass);
  for (size_t o = 0; o < y.size(); ++o) {
    keep(text("y", o), gathered(step.outputs[o], y[o]));
    // As a plan of the type stores them: a relu6 that gave 5.99 is 6 in bf16, where its gradient ends.
    const std::vector<float>& seen = (outputs ? *outputs : results).values[o];
    y[o].write(spread(step.outputs[o], rounded(seen, target_.rounding)));
  }
  kernel.backward(pass, gradients);
  for (size_t i = 0; i < x.size(); ++i) keep(text("dx", i), gathered(step.inputs[i], dx[i]));
  const std::vector<float> parametersAfter = memory.parameters.read(), added = parameterGradients.read();
  for (const Parameter& parameter : parameters_.list) {
    const auto& from = parameter.trainable ? added : parametersAfter;
    const auto first = from.begin() + parameter.offset;
    keep((parameter.trainable ? "d" : "") + parameter.name, {first, first + parameter.elements()});
  }
  return results;
}

}  // namespace facenet::train::test
