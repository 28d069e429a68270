#include <optional>

#include "case.h"

namespace facenet::train::test {
namespace {

using Kind = Activation::Kind;

struct ConvCase {
  Shape in;
  std::vector<int64_t> out;
  int64_t kernel, stride, pad;
  Kind activation = Kind::none;
  int64_t groups = 1;
  bool residual = false;
  float factor = 1;
  int64_t count = 2;
  bool bias = true;
  std::optional<Window> window = {};  // where it is not square
};

Case convCase(const std::string& name, const ConvCase& c) {
  Conv2d op;
  op.window = {.kernelHeight = c.kernel,
               .kernelWidth = c.kernel,
               .strideHeight = c.stride,
               .strideWidth = c.stride,
               .padTop = c.pad,
               .padLeft = c.pad,
               .padBottom = c.pad,
               .padRight = c.pad};
  if (c.window) op.window = *c.window;
  op.groups = c.groups;
  op.residual = c.residual;
  Case item{.name = "conv2d " + name, .op = {}, .inputs = {c.in}, .count = c.count};
  for (size_t p = 0; p < c.out.size(); ++p) {
    ConvPart part{.weight = text("weight", p),
                  .bias = {},
                  .norms = {},
                  .factor = c.factor,
                  .outChannels = c.out[p],
                  .activation = {c.activation, ""}};
    item.weights.push_back(
        {part.weight, {c.out[p], c.in.channels / c.groups, op.window.kernelHeight, op.window.kernelWidth}});
    if (c.bias) item.weights.push_back({part.bias = text("bias", p), {c.out[p]}});
    if (c.activation == Kind::prelu)
      item.weights.push_back({part.activation.slope = text("slope", p), {p == 0 ? c.out[p] : 1}});
    op.parts.push_back(part);
  }
  if (c.residual) {
    const Shape out = slidingShape(op.window, c.in, c.out[0]);
    item.inputs.push_back(out);
  }
  item.planned = c.activation != Kind::prelu;
  item.op = op;
  return item;
}

void addConvs(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const ConvCase& c) { cases.push_back(convCase(name, c)); };
  add("1x1", {{5, 7, 20}, {24}, 1, 1, 0});
  add("1x1 relu of 32 to 48 channels", {{6, 6, 32}, {48}, 1, 1, 0, Kind::relu});
  add("1x1 siblings relu", {{6, 5, 33}, {16, 5, 37}, 1, 1, 0, Kind::relu});
  add("1x1 stride 2", {{7, 9, 16}, {20}, 1, 2, 0, Kind::relu});
  add("3x3 few channels relu6", {{8, 7, 6}, {10}, 3, 1, 1, Kind::relu6});
  add("3x3 relu by Winograd", {{9, 11, 40}, {36}, 3, 1, 1, Kind::relu});
  add("3x3 no padding by Winograd", {{10, 6, 32}, {48}, 3, 1, 0});
  add("3x3 many tiles by Winograd", {{21, 19, 32}, {32}, 3, 1, 1, Kind::relu, 1, false, 1, 5});
  add("3x3 stride 2 relu", {{9, 8, 18}, {33}, 3, 2, 1, Kind::relu});
  add("5x5 padding 2", {{9, 9, 16}, {32}, 5, 1, 2, Kind::relu});
  add("5x5 stride 2", {{11, 12, 17}, {16}, 5, 2, 2});
  add("7x7 stride 2 of an image", {{23, 19, 3}, {64}, 7, 2, 3, Kind::relu});
  add("3x3 stride 3, kernel 2 rows apart", {{11, 10, 8}, {8}, 2, 3, 0});
  add("prelu", {{6, 6, 16}, {16}, 3, 1, 1, Kind::prelu});
  add("prelu siblings, one slope for all", {{5, 6, 12}, {16, 20}, 1, 1, 0, Kind::prelu});
  add("residual relu", {{6, 7, 32}, {24}, 1, 1, 0, Kind::relu, 1, true});
  add("scaled residual relu", {{6, 6, 32}, {40}, 3, 1, 1, Kind::relu, 1, true, 0.17f});
  add("two groups", {{6, 6, 16}, {24}, 3, 1, 1, Kind::relu, 2});
  add("depthwise", {{6, 6, 16}, {16}, 3, 1, 1, Kind::relu, 16});
  add("no bias", {{6, 6, 16}, {16}, 3, 1, 1, Kind::none, 1, false, 1, 2, false});
  const auto addWindow = [&](const std::string& name, ConvCase c, const Window& window) {
    c.window = window;
    add(name, c);
  };
  addWindow("1x7", {{6, 9, 16}, {20}, 7, 1, 3, Kind::relu}, {1, 7, 1, 1, 0, 3, 0, 3});
  addWindow("7x1", {{9, 6, 16}, {20}, 7, 1, 3, Kind::relu}, {7, 1, 1, 1, 3, 0, 3, 0});
  addWindow("5x5 stride 2, more padding behind", {{12, 11, 10}, {24}, 5, 2, 2, Kind::relu},
            {5, 5, 2, 2, 1, 1, 2, 2});
  addWindow("depthwise of a whole image", {{4, 3, 24}, {24}, 4, 1, 0, Kind::none, 24}, {4, 3});
  add("depthwise stride 2 relu6", {{7, 8, 20}, {20}, 3, 2, 1, Kind::relu6, 20});
  add("depthwise, two outputs a channel", {{5, 6, 8}, {16}, 3, 1, 1, Kind::relu, 8});
  add("three groups, stride 2", {{7, 6, 18}, {12}, 3, 2, 1, Kind::relu, 3});
  add("nine images", {{4, 4, 24}, {32}, 1, 1, 0, Kind::relu, 1, false, 1, 9});
  add("to embeddings", {{4, 4, 16}, {33}, 4, 1, 0});
  cases.back().embeddings = true;
}

void addFullyConnected(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const Shape& in, int64_t out, int64_t maxout,
                       bool channelsFirst, Kind activation) {
    FullyConnected op{.weight = "weight",
                      .bias = "bias",
                      .norms = {},
                      .outFeatures = out * maxout,
                      .maxout = maxout,
                      .channelsFirst = channelsFirst,
                      .activation = {activation, ""}};
    Case item{.name = "fully_connected " + name, .op = {}, .inputs = {in}, .count = 5};
    item.weights = {{"weight", {out * maxout, in.elements()}}, {"bias", {out * maxout}}};
    if (activation == Kind::prelu) item.weights.push_back({op.activation.slope = "slope", {out}});
    item.planned = maxout == 1 && activation != Kind::prelu;
    item.op = op;
    cases.push_back(item);
  };
  add("of a vector", {1, 1, 70}, 33, 1, true, Kind::none);
  add("channels first", {3, 2, 20}, 24, 1, true, Kind::relu);
  add("channels last", {3, 2, 20}, 24, 1, false, Kind::relu6);
  add("maxout", {2, 2, 9}, 16, 2, true, Kind::none);
  add("maxout of five, relu", {1, 1, 40}, 10, 5, false, Kind::relu);
  add("prelu", {2, 3, 16}, 17, 1, true, Kind::prelu);
  add("to embeddings", {1, 1, 70}, 33, 1, true, Kind::none);
  cases.back().embeddings = true;
}

void addPools(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const Pool& op, const Shape& in) {
    cases.push_back({.name = "pool " + name, .op = op, .inputs = {in}, .count = 3, .distinct = true});
    if (name.ends_with("few values")) cases.back().levels = 4;
  };
  const Window three{.kernelHeight = 3,
                     .kernelWidth = 3,
                     .strideHeight = 2,
                     .strideWidth = 2,
                     .padTop = 1,
                     .padLeft = 1,
                     .padBottom = 1,
                     .padRight = 1};
  Window same = three;
  same.strideHeight = same.strideWidth = 1;
  Window ceil{.kernelHeight = 3, .kernelWidth = 3, .strideHeight = 2, .strideWidth = 2};
  ceil.rounding = Rounding::ceil;
  for (const auto kind : {Pool::Kind::max, Pool::Kind::avg, Pool::Kind::l2}) {
    const std::string name = poolName(kind);
    add(name + " 3x3 stride 2", {.kind = kind, .window = three}, {9, 8, 37});
    add(name + " 3x3 stride 1", {.kind = kind, .window = same}, {5, 6, 64});
    add(name + " with ceil", {.kind = kind, .window = ceil}, {8, 10, 16});
    add(name + " counting padding", {.kind = kind, .window = three, .countPadding = true, .mean = true},
        {6, 7, 20});
    add(name + " of few values", {.kind = kind, .window = three}, {9, 7, 20});
    add(name + " global", {.kind = kind, .window = {}, .global = true}, {4, 5, 33});
  }
}

void addNorms(std::vector<Case>& cases) {
  const Shape in{5, 6, 37};
  const std::vector<int64_t> channels{37};
  const Norm batch{
      .scale = "scale", .shift = "shift", .mean = "mean", .variance = "variance", .epsilon = 1e-3f};
  const std::vector<Weight> tensors{{"scale", channels, 0.5f, 2},
                                    {"shift", channels},
                                    {"mean", channels, -1, 1, true},
                                    {"variance", channels, 0.5f, 2, true}};
  cases.push_back({.name = "batch_norm",
                   .op = batch,
                   .inputs = {in},
                   .count = 4,
                   .weights = tensors,
                   .low = -1,
                   .high = 3});
  cases.push_back({.name = "batch_norm by running statistics",
                   .op = batch,
                   .inputs = {in},
                   .count = 4,
                   .weights = tensors,
                   .runningStatistics = true});
  cases.push_back(
      {.name = "batch_norm without a scale",
       .op = Norm{.scale = "", .shift = "shift", .mean = "mean", .variance = "variance", .epsilon = 1e-3f},
       .inputs = {{7, 3, 64}},
       .weights = {{"shift", {64}}, {"mean", {64}, -1, 1, true}, {"variance", {64}, 0.5f, 2, true}}});
  cases.push_back({.name = "batch_norm with one scale for all",
                   .op = batch,
                   .inputs = {in},
                   .weights = {{"scale", {1}, 0.5f, 2},
                               tensors[1],
                               {"mean", {1}, -1, 1, true},
                               {"variance", {1}, 0.5f, 2, true}}});
  cases.push_back({.name = "affine",
                   .op = Norm{.scale = "scale", .shift = "shift", .mean = "", .variance = ""},
                   .inputs = {in},
                   .count = 3,
                   .weights = {tensors[0], tensors[1]}});
}

void addElementwise(std::vector<Case>& cases) {
  for (const auto kind : {Kind::relu, Kind::relu6, Kind::prelu, Kind::sigmoid}) {
    Case item{.name = activationName(kind),
              .op = Activation{kind, kind == Kind::prelu ? "slope" : ""},
              .inputs = {{5, 4, 35}},
              .low = -8,
              .high = 8};
    if (kind == Kind::prelu) item.weights = {{"slope", {35}}};
    cases.push_back(item);
  }
  Case inPlace{.name = "relu in place", .op = Activation{Kind::relu, ""}, .inputs = {{5, 4, 35}}};
  inPlace.inPlace = true;
  cases.push_back(inPlace);
  cases.push_back({.name = "prelu with one slope",
                   .op = Activation{Kind::prelu, "slope"},
                   .inputs = {{5, 4, 35}},
                   .weights = {{"slope", {1}}}});
  cases.push_back({.name = "lrn of five", .op = Lrn{.size = 5, .alpha = 0.5f}, .inputs = {{4, 5, 64}}});
  cases.push_back({.name = "lrn of five, odd channels",
                   .op = Lrn{.size = 5, .alpha = 0.5f, .alphaPerWindow = false},
                   .inputs = {{4, 5, 37}}});
  cases.push_back({.name = "lrn of four, beta 0.6",
                   .op = Lrn{.size = 4, .alpha = 0.5f, .beta = 0.6f, .bias = 2},
                   .inputs = {{3, 3, 21}}});
  cases.push_back(
      {.name = "lrn of nine", .op = Lrn{.size = 9, .alpha = 0.5f, .beta = 0.5f}, .inputs = {{3, 3, 48}}});
  cases.push_back({.name = "maxout", .op = Maxout{3}, .inputs = {{3, 4, 30}}, .distinct = true});
  cases.push_back({.name = "concat", .op = Concat{}, .inputs = {{3, 4, 5}, {3, 4, 16}, {3, 4, 33}}});
  cases.push_back({.name = "add", .op = Add{}, .inputs = {{3, 4, 37}, {3, 4, 37}}});
  cases.push_back(
      {.name = "add scaled relu", .op = Add{0.3f, {Kind::relu, ""}}, .inputs = {{3, 4, 37}, {3, 4, 37}}});
  cases.push_back({.name = "add prelu",
                   .op = Add{1, {Kind::prelu, "slope"}},
                   .inputs = {{3, 4, 37}, {3, 4, 37}},
                   .weights = {{"slope", {37}}}});
  cases.push_back({.name = "zero_pad", .op = ZeroPad{1, 2, 0, 3, 5}, .inputs = {{3, 4, 18}}});
  cases.push_back({.name = "upsample", .op = Upsample{2}, .inputs = {{3, 4, 18}}});
  cases.push_back({.name = "l2_normalize", .op = L2Normalize{}, .inputs = {{1, 1, 128}}, .count = 7});
  cases.push_back(
      {.name = "l2_normalize of a map below epsilon", .op = L2Normalize{100}, .inputs = {{3, 2, 19}}});
}

}  // namespace

std::vector<Case> allCases() {
  std::vector<Case> plain;
  addConvs(plain);
  addFullyConnected(plain);
  addPools(plain);
  addNorms(plain);
  addElementwise(plain);
  std::vector<Case> cases;
  for (Case& item : plain) {
    cases.push_back(item);
    if (item.inPlace) continue;
    // The same as slices of wider tensors, added to what another consumer wrote.
    item.name += ", slices, accumulated";
    item.slack = 4;
    item.accumulate = true;
    cases.push_back(item);
  }
  return cases;
}

}  // namespace facenet::train::test
