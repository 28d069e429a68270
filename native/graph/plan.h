// A plan: the graph after shape inference, folding, fusion and memory planning. Backends only execute plans.
#pragma once

#include <string>
#include <vector>

#include "native/graph/graph.h"
#include "native/graph/weights.h"

namespace facenet {

struct PlannedTensor {
  std::string name;
  Shape shape;
  DType dtype = DType::f32;
  int buffer = -1;            // index into Plan::buffers; tensors of one concat share a buffer
  int64_t channelOffset = 0;  // of this tensor within the buffer's pixels
  int64_t pixelStride = 0;    // elements between pixels: the channels of the buffer, aligned
};

// A piece of the arena. `offset` and `bytes` are those of one image; for a chunk of n images both are
// multiplied by n, so buffers that are apart for one image are apart for n. The graph's input and outputs are
// in the caller's memory: their offset is -1.
struct PlannedBuffer {
  int64_t bytes = 0, offset = 0;  // multiples of 64
  int firstStep = 0, lastStep = 0;
};

struct Step {
  std::string name;  // of the last layer it computes
  Op op;
  std::vector<int> inputs, outputs;  // indices into Plan::tensors
  std::vector<std::string> layers;   // names of all layers it stands for; every layer belongs to one step
  int64_t parameters = 0, multiplyAdds = 0;  // of all its layers, one image
};

struct PlanOptions {
  DType dtype = DType::f32;      // of the activations between steps; the graph's outputs are always f32
  bool fold = true;              // norms into the convolution or fully connected layer before them
  bool fuse = true;              // activations, residual adds and maxout into the step before them
  bool mergeSiblings = true;     // convolutions of one input and one window into one step
  bool fuseStem = false;         // a fixed preprocess into the convolution behind it; not for the CPU backend
  bool concatInPlace = true;     // producers of a concat write their slice of its buffer
  int64_t channelAlignment = 1;  // pixels of buffers in the arena are a multiple of this many elements apart
  int64_t cacheBytes = 0;        // what a chunk's arena should fit in; 0: the default of the build
  // From so many multiply-adds per step on, threads share the layers of a call with fewer images than threads. With less
  // work, waiting for each other costs more: on the 2 cores of an EPYC, 13 million per step (Inception-ResNet-v1) took
  // 1 / 1.4 to 1 / 1.6 of the time of one thread, 4 million (nn4.small2) 1 / 0.85.
  int64_t sharedMultiplyAdds = 6'000'000;
};

struct Plan {
  std::string name;
  PlanOptions options;
  std::vector<PlannedTensor> tensors;
  std::vector<PlannedBuffer> buffers;
  std::vector<Step> steps;
  int input = 0;
  std::vector<int> outputs;
  int64_t arenaBytes = 0;  // one image
  int64_t chunk = 1;       // images that go through all steps together
  int64_t parameters = 0, multiplyAdds = 0;
};

// Throws ERR_FACENET_MODEL_INVALID, naming the layer, where the graph does not hold together. Layers that no
// output needs are left out. A concat that could not be avoided, wholly or for some of its inputs, stays as a
// step that copies its inputs one after the other into its output, which may be a slice.
Plan makePlan(const Graph& graph, const PlanOptions& options);

// One line a step: op and what was fused into it, shapes, parameters, multiply-adds, place in the arena,
// layers.
std::string printPlan(const Plan& plan);

// "conv2d 3x3/2 add relu": the op with its window, then what was fused into it in the order it is computed.
std::string opText(const Op& op);

// Bytes from the start of one image's arena to the tensor's first element; -1 in the caller's memory.
int64_t arenaOffset(const Plan& plan, const PlannedTensor& tensor);

// Images whose arenas fit in `cacheBytes` together, 1..maxChunk. Larger chunks give the products of small
// images more rows, smaller ones keep activations in cache and memory low. On a server core with 2 MiB of L2,
// NN2 (4.6 MiB an image in f32, 2.3 in bf16) gained 20 to 30 % from 1 image to 6; 32 were no faster than that
// in f32 and 8 to 16 % slower in bf16. At 96x96 (0.8 MiB) 16 images were 3 to 13 % faster than 8.
int64_t chunkFor(int64_t arenaBytes, int64_t cacheBytes);
constexpr int64_t maxChunk = 32;
constexpr int64_t defaultCacheBytes = int64_t{24} << 20;

// Weight and bias of one conv2d part or fully connected layer with its norms and factor folded in, computed
// in fp64 and rounded once. `inChannels` is per group. Weight keeps its stored O x I x KH x KW (or out x in)
// order; bias has a value an output channel, zeros where the layer has none.
struct FoldedWeights {
  std::vector<float> weight, bias;
};
FoldedWeights foldConvPart(const ConvPart& part, int64_t inChannels, const Window& window,
                           const Weights& weights, const std::string& layer);
FoldedWeights foldFullyConnected(const FullyConnected& op, int64_t inFeatures, const Weights& weights,
                                 const std::string& layer);
// scale and shift of a norm that stands alone.
struct ScaleShift {
  std::vector<float> scale, shift;
};
ScaleShift foldNorm(const Norm& norm, int64_t channels, const Weights& weights, const std::string& layer);

}  // namespace facenet
