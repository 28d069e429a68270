// Plans for people: a table of steps, 120 columns wide where the names allow.
#include <algorithm>
#include <array>
#include <cstdio>

#include "graph/plan.h"

namespace facenet {
namespace {

using Row = std::vector<std::string>;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), pattern, values...);
  return buffer.data();
}

// Three digits: 9.41K, 37.0K, 115M.
std::string scaled(double value, double unit, const char* suffixes) {
  if (value < unit) return format("%.0f", value);
  int power = -1;
  for (; value >= unit && suffixes[power + 1]; ++power) value /= unit;
  return format(value < 10 ? "%.2f%c" : value < 100 ? "%.1f%c" : "%.0f%c", value, suffixes[power]);
}
std::string counted(int64_t value) {
  return scaled(static_cast<double>(value), 1000, "KMG");
}
std::string bytes(int64_t value) {
  return scaled(static_cast<double>(value), 1024, "KMG");
}

// "7x7", with its stride "3x3/2", where the two directions differ "1x7/1x2".
std::string windowText(const Window& w) {
  std::string result = text(w.kernelHeight, "x", w.kernelWidth);
  if (w.strideHeight != w.strideWidth) return result + text("/", w.strideHeight, "x", w.strideWidth);
  return w.strideHeight == 1 ? result : result + text("/", w.strideHeight);
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

// The op with its window, then what was fused into it in the order it is computed.
std::string opText(const Op& op) {
  std::string result = opName(op);
  if (auto* conv = std::get_if<Conv2d>(&op)) return result + convText(*conv);
  if (auto* pool = std::get_if<Pool>(&op))
    return pool->global ? result : result + " " + windowText(pool->window);
  if (auto* add = std::get_if<Add>(&op))
    return result + (add->factor == 1 ? "" : text("*", add->factor)) + fusedText(0, add->activation);
  if (auto* fc = std::get_if<FullyConnected>(&op))
    return result + fusedText(fc->norms.size(), {}) + (fc->maxout > 1 ? text(" maxout ", fc->maxout) : "") +
           fusedText(0, fc->activation);
  return result;
}

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
std::string placeText(const Plan& plan, const Step& step) {
  const int64_t offset = arenaOffset(plan, plan.tensors[step.outputs.front()]);
  return offset < 0 ? "caller" : text(offset);
}

// Leaves out what a name repeats: "3a/1x1", "3a/1x1/bn", "3a/3x3" become "3a/1x1", "+bn", "3a/3x3".
std::vector<std::string> shortNames(const std::vector<std::string>& layers) {
  std::vector<std::string> result;
  std::string base;
  for (const std::string& layer : layers) {
    const bool extends = !base.empty() && layer.size() > base.size() &&
                         layer.compare(0, base.size(), base) == 0 && layer[base.size()] == '/';
    result.push_back(extends ? "+" + layer.substr(base.size() + 1) : layer);
    if (!extends) base = layer;
  }
  return result;
}

// Words in lines of at most `width`, though no word is broken.
std::vector<std::string> wrap(const std::vector<std::string>& words, size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string& word : words) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

// Columns as wide as their widest cell. Text to the left, numbers to the right; the last column wraps.
std::string table(const std::vector<Row>& rows, const std::vector<bool>& right,
                  const std::vector<std::vector<std::string>>& last) {
  constexpr size_t lineWidth = 120, least = 24;
  std::vector<size_t> width(right.size(), 0);
  for (const Row& row : rows)
    for (size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  size_t used = 0;
  for (size_t w : width) used += w + 2;

  std::string result;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < width.size(); ++c) {
      const std::string gap(width[c] - rows[r][c].size(), ' ');
      result += (right[c] ? gap + rows[r][c] : rows[r][c] + gap) + "  ";
    }
    const auto lines = wrap(last[r], used + least < lineWidth ? lineWidth - used : least);
    for (size_t l = 0; l < lines.size(); ++l) result += (l ? std::string(used, ' ') : "") + lines[l] + "\n";
  }
  return result;
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
  return result;
}

}  // namespace

std::string printPlan(const Plan& plan) {
  const PlannedTensor& input = plan.tensors[plan.input];
  std::vector<Row> rows{{"#", "op", "in -> out", "params", "mult-adds", "offset", "bytes"}};
  std::vector<std::vector<std::string>> layers{{"layers"}};
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    int64_t written = 0;
    for (int tensor : step.outputs)
      written +=
          plan.tensors[tensor].shape.elements() * static_cast<int64_t>(byteSize(plan.tensors[tensor].dtype));
    rows.push_back({text(i + 1), opText(step.op), shapesText(plan, step),
                    step.parameters ? counted(step.parameters) : "-",
                    step.multiplyAdds ? counted(step.multiplyAdds) : "-", placeText(plan, step),
                    bytes(written)});
    layers.push_back(shortNames(step.layers));
  }
  return text(plan.name, ": ", toString(input.shape), " ", dtypeName(input.dtype), ", activations ",
              optionsText(plan.options), "\n") +
         table(rows, {true, false, false, true, true, true, true}, layers) +
         text(counted(plan.parameters), " parameters, ", counted(plan.multiplyAdds), " multiply-adds, arena ",
              bytes(plan.arenaBytes), " an image, ", plan.chunk, plan.chunk == 1 ? " image" : " images",
              " a chunk\n");
}

}  // namespace facenet
