// A network as it crosses the border from TypeScript: named ops in topological order.
#pragma once

#include <string>
#include <vector>

#include "native/ops/op.h"

namespace facenet {

struct Node {
  std::string name;  // unique; also the name of the tensor it makes
  Op op;
  std::vector<std::string> inputs;  // names of earlier nodes, or of the graph's input
};

struct Graph {
  std::string name;
  std::string input = "image";
  Shape inputShape;
  DType inputDType = DType::u8;  // u8 images (first op: preprocess), or f32 activations
  std::vector<Node> nodes;
  std::vector<std::string> outputs;
};

}  // namespace facenet
