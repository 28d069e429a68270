#include "native/ops/op.h"

#include <algorithm>

namespace facenet {
namespace {

// body.template operator()<SomeOp>() for every op of the list.
template <class Body, class... Ops>
void forEachOp(Body body, const std::variant<Ops...>*) {
  (body.template operator()<Ops>(), ...);
}

}  // namespace

std::vector<std::string_view> opNames() {
  std::vector<std::string_view> names;
  forEachOp(
      [&]<class SomeOp>() {
        names.insert(names.end(), std::begin(SomeOp::kNames), std::end(SomeOp::kNames));
      },
      static_cast<const Op*>(nullptr));
  return names;
}

std::optional<Op> readOp(const NodeFields& node) {
  std::optional<Op> op;
  forEachOp(
      [&]<class SomeOp>() {
        if (std::ranges::find(SomeOp::kNames, node.op) != std::end(SomeOp::kNames)) op = SomeOp::read(node);
      },
      static_cast<const Op*>(nullptr));
  return op;
}

std::string opName(const Op& op) {
  return std::visit([](const auto& some) { return some.name(); }, op);
}

bool hasGradient(const Op& op) {
  return std::visit([]<class SomeOp>(const SomeOp&) { return SomeOp::kHasGradient; }, op);
}

Shape inferShape(Op& op, const std::vector<Shape>& shapes, const std::string& layer) {
  const Inputs inputs{shapes, layer};
  inputs.require(!shapes.empty(), "at least one input", "none");
  return std::visit([&](auto& some) { return some.infer(inputs); }, op);
}

OpTensors tensorsOf(const Op& op, const Shape& input) {
  return std::visit([&](const auto& some) { return some.tensors(input); }, op);
}

int64_t parameterCount(const Op& op, const std::vector<Shape>& inputs) {
  int64_t sum = 0;
  for (const OpTensor& tensor : tensorsOf(op, inputs.front()))
    if (!isStatistic(tensor.role)) sum += tensor.elements();
  return sum;
}

int64_t multiplyAdds(const Op& op, const std::vector<Shape>& inputs, const Shape& output) {
  return std::visit([&](const auto& some) { return some.multiplyAdds(inputs.front(), output); }, op);
}

}  // namespace facenet
