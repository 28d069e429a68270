#include "train/executor.h"

#include <algorithm>
#include <cmath>

#include "core/cancel.h"

namespace facenet::train {
namespace {

int64_t roundedUp(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// body(first element of a pixel) for each pixel of all images.
template <class Body>
void forEachRow(const View& view, Body body) {
  for (int64_t pixel = 0; pixel < view.count * view.shape.pixels(); ++pixel)
    body(view.as<float>() + pixel * view.pixelStride);
}

bool allFinite(const float* values, int64_t count) {
  return std::all_of(values, values + count, [](float value) { return std::isfinite(value); });
}

bool allFinite(const View& view) {
  bool finite = true;
  forEachRow(view, [&](const float* row) { finite = finite && allFinite(row, view.shape.channels); });
  return finite;
}

Error notFinite(const std::string& layer, const std::string& what) {
  return Error("ERR_FACENET_NOT_FINITE", text("The gradient of ", what, " is not finite"), layer,
               "finite values", "NaN or infinity");
}

}  // namespace

ChunkExecutor::ChunkExecutor(const TrainingPlan& plan, const Parameters& parameters,
                             TrainKernelFactory factory, ThreadPool& threads)
    : plan_(plan), parameters_(parameters), threads_(threads), savedOffset_{0} {
  for (const Step& step : plan.forward.steps) {
    kernels_.push_back(factory({plan.forward, step, parameters}));
    int64_t saved = 0;
    for (int64_t count = 1; count <= plan.chunk; ++count) {
      saved = std::max(saved, kernels_.back()->savedBytes(count));
      scratchBytes_ = std::max(scratchBytes_, kernels_.back()->scratchBytes(count));
    }
    savedOffset_.push_back(savedOffset_.back() + roundedUp(saved));
  }
  arena_ = alignedArray<unsigned char>(plan.forward.arenaBytes * plan.chunk);
  gradientArena_ = alignedArray<unsigned char>(plan.gradients.arenaBytes * plan.chunk);
  saved_ = alignedArray<unsigned char>(savedOffset_.back());
  scratch_ = alignedArray<unsigned char>(scratchBytes_);
}

View ChunkExecutor::view(const Plan& plan, unsigned char* arena, int index) const {
  const PlannedTensor& tensor = plan.tensors[static_cast<size_t>(index)];
  if (index == plan.input)
    return {const_cast<void*>(images_), tensor.dtype, count_, tensor.shape, tensor.pixelStride};
  const PlannedBuffer& buffer = plan.buffers[static_cast<size_t>(tensor.buffer)];
  auto* data = reinterpret_cast<float*>(arena + buffer.offset * count_) + tensor.channelOffset;
  return {data, DType::f32, count_, tensor.shape, tensor.pixelStride};
}

Pass ChunkExecutor::passOf(size_t step, float* parameters) const {
  Pass pass;
  for (int tensor : plan_.forward.steps[step].inputs) pass.x.push_back(activation(tensor));
  for (int tensor : plan_.forward.steps[step].outputs) pass.y.push_back(activation(tensor));
  pass.saved = saved_.get() + savedOffset_[step];
  pass.scratch = scratch_.get();
  pass.parameters = parameters;
  pass.threads = &threads_;
  pass.runningStatistics = plan_.runningStatistics[step];
  return pass;
}

void ChunkExecutor::forward(const void* images, int64_t count, float* parameters, float statisticsRate,
                            const std::atomic<int32_t>* cancelled) {
  FACENET_ASSERT(count >= 1 && count <= plan_.chunk);
  images_ = images;
  count_ = count;
  for (size_t step = 0; step < kernels_.size(); ++step) {
    throwIfCancelled(cancelled);
    Pass pass = passOf(step, parameters);
    pass.statisticsRate = statisticsRate;
    kernels_[step]->forward(pass);
  }
}

const float* ChunkExecutor::embeddings() const {
  return activation(plan_.output()).as<float>();
}

void ChunkExecutor::backward(const float* embeddingGradients, float* parameters, float* gradients,
                             const std::atomic<int32_t>* cancelled, bool check) {
  const View loss = gradient(plan_.output());
  std::copy_n(embeddingGradients, count_ * loss.imageStride(), loss.as<float>());
  for (const BackwardStep& backward : plan_.backward) {
    throwIfCancelled(cancelled);
    const auto index = static_cast<size_t>(backward.step);
    const Step& step = plan_.forward.steps[index];
    std::ranges::for_each(backward.clear, [&](const Channels& channels) { clear(channels); });
    Gradients flow;
    for (int tensor : step.outputs) flow.dy.push_back(gradient(tensor));
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      flow.dx.push_back(backward.wanted[i] ? gradient(step.inputs[i]) : View{});
      flow.accumulate.push_back(backward.accumulate[i]);
    }
    flow.parameters = backward.weights ? gradients : nullptr;
    kernels_[index]->backward(passOf(index, parameters), flow);
    if (check) checkStep(backward, gradients);
  }
}

void ChunkExecutor::clear(const Channels& channels) const {
  forEachRow(gradient(channels.tensor),
             [&](float* row) { std::fill(row + channels.begin, row + channels.end, 0.0f); });
}

void ChunkExecutor::checkStep(const BackwardStep& backward, const float* gradients) const {
  const Step& step = plan_.forward.steps[static_cast<size_t>(backward.step)];
  if (backward.weights)
    for (const StepTensor& tensor : tensorsOf(plan_.forward, step)) {
      const Parameter& parameter = parameters_.at(tensor.name);
      if (parameter.trainable && !allFinite(gradients + parameter.offset, parameter.elements()))
        throw notFinite(step.name, tensor.name);
    }
  for (size_t i = 0; i < step.inputs.size(); ++i)
    if (backward.wanted[i] && !allFinite(gradient(step.inputs[i])))
      throw notFinite(step.name, "the input of layer " + step.name);
}

std::optional<std::string> ChunkExecutor::firstNotFinite() const {
  for (const Step& step : plan_.forward.steps)
    for (int tensor : step.outputs)
      if (!allFinite(activation(tensor))) return step.name;
  return std::nullopt;
}

std::vector<std::string> ChunkExecutor::describeKernels() const {
  std::vector<std::string> lines;
  for (const auto& kernel : kernels_) lines.push_back(kernel->describe());
  return lines;
}

int64_t ChunkExecutor::memoryBytes() const {
  return (plan_.forward.arenaBytes + plan_.gradients.arenaBytes) * plan_.chunk + savedOffset_.back() +
         scratchBytes_;
}

}  // namespace facenet::train
