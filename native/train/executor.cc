#include "native/train/executor.h"

#include <algorithm>
#include <cmath>

#include "native/core/cancel.h"
#include "native/core/integers.h"

namespace facenet::train {
namespace {

int64_t roundedUp(int64_t bytes) {
  return roundUp(bytes, 256);
}

void* at(const std::shared_ptr<void>& memory, int64_t offset) {
  return static_cast<unsigned char*>(memory.get()) + offset;
}

Error notFinite(const std::string& layer, const std::string& what) {
  return Error(ErrorCode::notFinite, text("The gradient of ", what, " is not finite"), layer, "finite values",
               "NaN or infinity");
}

}  // namespace

ChunkExecutor::ChunkExecutor(const TrainingPlan& plan, const Parameters& parameters, TrainingBackend& backend)
    : plan_(plan), parameters_(parameters), backend_(backend), savedOffset_{0}, preparedOffset_{0} {
  std::vector<bool> inputGradients(plan.forward.steps.size(), false);
  for (const BackwardStep& step : plan.backward)
    inputGradients[static_cast<size_t>(step.step)] = step.wanted.front();
  for (size_t i = 0; i < plan.forward.steps.size(); ++i) {
    kernels_.push_back(
        backend.makeKernel({plan.forward, plan.forward.steps[i], parameters, inputGradients[i]}));
    int64_t saved = 0;
    for (int64_t count = 1; count <= plan.chunk; ++count) {
      saved = std::max(saved, kernels_.back()->savedBytes(count));
      scratchBytes_ = std::max(scratchBytes_, kernels_.back()->scratchBytes(count));
    }
    savedOffset_.push_back(savedOffset_.back() + roundedUp(saved));
    preparedOffset_.push_back(preparedOffset_.back() + roundedUp(kernels_.back()->preparedBytes()));
  }
  arena_ = backend.allocate(plan.forward.arenaBytes * plan.chunk);
  gradientArena_ = backend.allocate(plan.gradients.arenaBytes * plan.chunk);
  saved_ = backend.allocate(savedOffset_.back());
  prepared_ = backend.allocate(preparedOffset_.back());
  scratch_ = backend.allocate(scratchBytes_);
}

View ChunkExecutor::view(const Plan& plan, const std::shared_ptr<void>& arena, int index) const {
  const PlannedTensor& tensor = plan.tensors[static_cast<size_t>(index)];
  if (index == plan.input)
    return {const_cast<void*>(images_), tensor.dtype, count_, tensor.shape, tensor.pixelStride};
  const PlannedBuffer& buffer = plan.buffers[static_cast<size_t>(tensor.buffer)];
  const int64_t channels = tensor.channelOffset * static_cast<int64_t>(byteSize(tensor.dtype));
  return {at(arena, buffer.offset * count_ + channels), tensor.dtype, count_, tensor.shape,
          tensor.pixelStride};
}

Pass ChunkExecutor::passOf(size_t step, float* parameters) const {
  Pass pass;
  for (int tensor : plan_.forward.steps[step].inputs) pass.x.push_back(activation(tensor));
  for (int tensor : plan_.forward.steps[step].outputs) pass.y.push_back(activation(tensor));
  pass.saved = at(saved_, savedOffset_[step]);
  pass.prepared = at(prepared_, preparedOffset_[step]);
  pass.scratch = scratch_.get();
  pass.parameters = parameters;
  pass.runningStatistics = plan_.runningStatistics[step];
  backend_.setResources(pass);
  return pass;
}

void ChunkExecutor::prepare(float* parameters) {
  for (size_t step = 0; step < kernels_.size(); ++step) {
    Pass pass = passOf(step, parameters);
    pass.x.clear();
    pass.y.clear();
    kernels_[step]->prepare(pass);
  }
}

void ChunkExecutor::forward(const void* images, int64_t count, float* parameters, float statisticsRate,
                            const std::atomic<int32_t>* cancelled) {
  FACENET_ASSERT(count >= 1 && count <= plan_.chunk);
  const PlannedTensor& input = plan_.forward.tensors[static_cast<size_t>(plan_.forward.input)];
  images_ = backend_.stageImages(
      images, count * input.shape.elements() * static_cast<int64_t>(byteSize(input.dtype)));
  count_ = count;
  throwIfCancelled(cancelled);
  const auto part =
      statisticsRate == 0 ? TrainingBackend::Part::forwardAgain : TrainingBackend::Part::forward;
  backend_.run(part, count, [&](bool recording) {
    for (size_t step = 0; step < kernels_.size(); ++step) {
      if (!recording) throwIfCancelled(cancelled);
      Pass pass = passOf(step, parameters);
      pass.statisticsRate = statisticsRate;
      kernels_[step]->forward(pass);
    }
  });
}

const float* ChunkExecutor::embeddings() const {
  return activation(plan_.output()).as<float>();
}

void ChunkExecutor::backward(const float* embeddingGradients, float* parameters, float* gradients,
                             const std::atomic<int32_t>* cancelled, bool check) {
  const View loss = gradient(plan_.output());
  backend_.copy(loss.data, embeddingGradients,
                count_ * loss.imageStride() * static_cast<int64_t>(sizeof(float)));
  throwIfCancelled(cancelled);
  const auto run = [&](bool recording) {
    for (const BackwardStep& step : plan_.backward) {
      if (!recording) throwIfCancelled(cancelled);
      runStep(step, parameters, gradients);
      if (check) checkStep(step, gradients);
    }
  };
  check ? run(false) : backend_.run(TrainingBackend::Part::backward, count_, run);
}

void ChunkExecutor::runStep(const BackwardStep& backward, float* parameters, float* gradients) const {
  const auto index = static_cast<size_t>(backward.step);
  const Step& step = plan_.forward.steps[index];
  for (const Channels& channels : backward.clear)
    backend_.clear(gradient(channels.tensor), channels.begin, channels.end);
  Gradients flow;
  for (int tensor : step.outputs) flow.dy.push_back(gradient(tensor));
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    flow.dx.push_back(backward.wanted[i] ? gradient(step.inputs[i]) : View{});
    flow.accumulate.push_back(backward.accumulate[i]);
  }
  flow.parameters = backward.weights ? gradients : nullptr;
  kernels_[index]->backward(passOf(index, parameters), flow);
}

void ChunkExecutor::checkFinite(const std::string& layer, const std::string& what, const View& values) const {
  if (!backend_.allFinite(values)) throw notFinite(layer, what);
}

void ChunkExecutor::checkStep(const BackwardStep& backward, float* gradients) const {
  const Step& step = plan_.forward.steps[static_cast<size_t>(backward.step)];
  if (backward.weights)
    for (const OpTensor& tensor : tensorsOf(plan_.forward, step)) {
      const Parameter& parameter = parameters_.at(tensor.name);
      const int64_t elements = parameter.elements();
      if (parameter.trainable)
        checkFinite(step.name, tensor.name,
                    {gradients + parameter.offset, DType::f32, 1, {1, 1, elements}, elements});
    }
  for (size_t i = 0; i < step.inputs.size(); ++i)
    if (backward.wanted[i])
      checkFinite(step.name, "the input of layer " + step.name, gradient(step.inputs[i]));
}

std::optional<std::string> ChunkExecutor::firstNotFinite() const {
  for (const Step& step : plan_.forward.steps)
    for (int tensor : step.outputs)
      if (!backend_.allFinite(activation(tensor))) return step.name;
  return std::nullopt;
}

std::vector<std::string> ChunkExecutor::describeKernels() const {
  std::vector<std::string> lines;
  for (const auto& kernel : kernels_) lines.push_back(kernel->describe());
  return lines;
}

int64_t ChunkExecutor::memoryBytes() const {
  return (plan_.forward.arenaBytes + plan_.gradients.arenaBytes) * plan_.chunk + savedOffset_.back() +
         preparedOffset_.back() + scratchBytes_;
}

}  // namespace facenet::train
