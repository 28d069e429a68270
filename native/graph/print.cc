// Plans for people: a table of steps, 120 columns wide where the names allow.
#include "native/graph/plan.h"
#include "native/graph/table.h"

namespace facenet {
namespace {

// "/2", where the two directions differ "/1x2"; nothing where both are 1.
std::string extentText(const char* before, int64_t height, int64_t width) {
  if (height != width) return text(before, height, "x", width);
  return height == 1 ? "" : text(before, height);
}

// "7x7", with its stride "3x3/2", with its dilation "3x3 dilated 2".
std::string windowText(const Window& w) {
  return text(w.kernelHeight, "x", w.kernelWidth) + extentText("/", w.strideHeight, w.strideWidth) +
         (w.dilated() ? extentText(" dilated ", w.dilationHeight, w.dilationWidth) : "");
}

std::string fusedText(size_t norms, const Activation& activation) {
  std::string result;
  if (norms) result += norms == 1 ? " norm" : text(" ", norms, " norms");
  if (activation) result += text(" ", activationName(activation.kind));
  return result;
}

std::string convText(const Conv2d& conv) {
  std::string result = " " + windowText(conv.window);
  if (conv.groups > 1) result += text(" groups ", conv.groups);
  const ConvPart& part = conv.parts.front();
  if (part.norms.size()) result += fusedText(part.norms.size(), {});
  if (conv.residual) result += part.factor == 1 ? " add" : text(" add*", part.factor);
  return result + fusedText(0, part.activation);
}

}  // namespace

std::string opText(const Op& op) {
  std::string result = opName(op);
  if (auto* conv = std::get_if<Conv2d>(&op))
    return (conv->preprocess ? "preprocess " : "") + result + convText(*conv);
  if (auto* pool = std::get_if<Pool>(&op))
    return pool->global ? result : result + " " + windowText(pool->window);
  if (auto* add = std::get_if<Add>(&op))
    return result + (add->factor == 1 ? "" : text("*", add->factor)) + fusedText(0, add->activation);
  if (auto* fc = std::get_if<FullyConnected>(&op))
    return result + fusedText(fc->norms.size(), {}) + (fc->maxout > 1 ? text(" maxout ", fc->maxout) : "") +
           fusedText(0, fc->activation);
  return result;
}

namespace {

// "28x28x64|96|16": tensors of the same pixels.
std::string shapeText(const Plan& plan, const std::vector<int>& tensors) {
  std::string result;
  for (int tensor : tensors) {
    const Shape& shape = plan.tensors[tensor].shape;
    result += result.empty() ? toString(shape) : text("|", shape.channels);
  }
  return result;
}

// Of an add and a residual the first input only, since the second has its shape or that of the output.
std::string shapesText(const Plan& plan, const Step& step) {
  const bool concat = std::holds_alternative<Concat>(step.op);
  return shapeText(plan, concat ? step.inputs : std::vector{step.inputs.front()}) + " -> " +
         shapeText(plan, step.outputs);
}

// Where the first output begins in the arena.
std::string offsetsText(const Plan& plan, const Step& step) {
  const int64_t offset = arenaOffset(plan, plan.tensors[step.outputs.front()]);
  return offset < 0 ? "caller" : text(offset);
}

std::string optionsText(const PlanOptions& options) {
  std::string result = dtypeName(options.dtype);
  const auto off = [&](bool on, const char* name) {
    if (!on) result += text(", no ", name);
  };
  off(options.fold, "folding");
  off(options.fuse, "fusing");
  off(options.mergeSiblings, "merging");
  off(options.concatInPlace, "concat in place");
  if (options.fuseStem) result += ", stem fused";
  return result;
}

}  // namespace

std::string printPlan(const Plan& plan) {
  const PlannedTensor& input = plan.tensors[plan.input];
  std::vector<TableRow> rows{{"#", "op", "in -> out", "params", "mult-adds", "offset", "bytes"}};
  std::vector<std::vector<std::string>> layers{{"layers"}};
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    int64_t written = 0;
    for (int tensor : step.outputs)
      written +=
          plan.tensors[tensor].shape.elements() * static_cast<int64_t>(byteSize(plan.tensors[tensor].dtype));
    rows.push_back({text(i + 1), opText(step.op), shapesText(plan, step),
                    step.parameters ? counted(step.parameters) : "-",
                    step.multiplyAdds ? counted(step.multiplyAdds) : "-", offsetsText(plan, step),
                    countedBytes(written)});
    layers.push_back(shortNames(step.layers));
  }
  return text(plan.name, ": ", toString(input.shape), " ", dtypeName(input.dtype), ", activations ",
              optionsText(plan.options), "\n") +
         table(rows, {true, false, false, true, true, true, true}, layers) +
         text(counted(plan.parameters), " parameters, ", counted(plan.multiplyAdds), " multiply-adds, arena ",
              countedBytes(plan.arenaBytes), " an image, ", plan.chunk,
              plan.chunk == 1 ? " image" : " images", " a chunk\n");
}

}  // namespace facenet
