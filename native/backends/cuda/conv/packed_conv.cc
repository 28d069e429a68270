#include "native/backends/cuda/conv/packed_conv.h"

#include <algorithm>

#include "cuda/conv2d/common/add_splits.cuh"
#include "cuda/conv2d/forward/conv2d_f32.cuh"
#include "cuda/conv2d/forward/conv2d_mma.cuh"
#include "cuda/conv2d/forward/depthwise.cuh"
#include "native/core/integers.h"

namespace facenet::cuda {
namespace {

using Kernel = ConvConfig::Kernel;

// Each group as a convolution of its own.
ConvCall groupOf(ConvCall call, int64_t group) {
  const int64_t groups = call.weights.groups;
  const auto slice = [&](View& view) {
    if (!view.data) return;
    view.shape.channels /= groups;
    view.data = static_cast<char*>(view.data) +
                group * view.shape.channels * static_cast<int64_t>(byteSize(view.dtype));
  };
  slice(call.x);
  slice(call.to[0].y);
  slice(call.residual);
  ConvWeights& w = call.weights;
  w.groups = 1;
  w.weight = static_cast<const float*>(w.weight) + group * w.columns * w.rowTerms;
  if (w.bias) w.bias += group * w.columns;
  if (w.slope) w.slope += group * w.columns;
  return call;
}

// Maxout takes a second pass over the columns.
void launchExact(const ConvCall& call, const ConvTile& tile, cudaStream_t stream) {
  if (call.maxout > 1) {
    ConvCall columns = call;
    const Shape shape{1, 1, call.weights.columns};
    columns.to = {{{call.scratch, DType::f32, call.x.count, shape, shape.channels}}};
    columns.maxout = 1;
    conv2dF32(columns, tile, stream);
    ConvCall rest = call;
    rest.weights.bias = nullptr;
    return addSplits(rest, 1, stream);
  }
  for (int64_t group = 0; group < call.weights.groups; ++group)
    conv2dF32(call.weights.groups > 1 ? groupOf(call, group) : call, tile, stream);
}

}  // namespace

void launchProduct(const ConvConfig& config, const ConvCall& call, cudaStream_t stream) {
  config.kernel == Kernel::exact ? launchExact(call, config.tile, stream)
                                 : conv2dMma(call, config.tile, stream);
}

PackedConv::PackedConv(const ConvProblem& problem, const Device& device)
    : problem_(problem),
      device_{device.multiprocessors, device.sharedBytes},
      config_(chooseConv(problem, 1, device_)),
      biasOffset_(roundUp(weightBytes(), 256)),
      slopeOffset_(biasOffset_ + (problem.bias ? channelBytes() : 0)) {}

int64_t PackedConv::channelBytes() const {
  return roundUp(biasGroups() * config_.columns * static_cast<int64_t>(sizeof(float)), 256);
}

StemLayout PackedConv::stemLayout() const {
  return {problem_.window, problem_.in.channels, config_.columns, problem_.weightType};
}

int64_t PackedConv::weightBytes() const {
  const auto size = static_cast<int64_t>(byteSize(problem_.weightType));
  if (is(Kernel::stem)) return stemLayout().size() * size;
  const int64_t places = problem_.taps() * config_.columns;
  if (is(Kernel::depthwise)) return places * static_cast<int64_t>(byteSize(problem_.inType));
  return problem_.groups * places * config_.tapTerms * size;
}

const float* PackedConv::biasOf(const void* packed) const {
  if (!problem_.bias) return nullptr;
  return reinterpret_cast<const float*>(static_cast<const char*>(packed) + biasOffset_);
}
const float* PackedConv::slopeOf(const void* packed) const {
  if (!problem_.slope) return nullptr;
  return reinterpret_cast<const float*>(static_cast<const char*>(packed) + slopeOffset_);
}

void PackedConv::pack(const Stored& stored, void* packed, cudaStream_t stream) const {
  FACENET_ASSERT((stored.bias != nullptr) == problem_.bias && (stored.slope != nullptr) == problem_.slope);
  packTerms(stored, packed, stream);
  const int64_t channels = problem_.outChannels, groups = biasGroups(), columns = config_.columns;
  if (stored.bias)
    packBias(stored.bias, channels, groups, stored.factor, columns, const_cast<float*>(biasOf(packed)),
             stream);
  if (stored.slope)
    packBias(stored.slope, channels / problem_.maxout, groups, 1, columns,
             const_cast<float*>(slopeOf(packed)), stream);
}

void PackedConv::packTerms(const Stored& stored, void* to, cudaStream_t stream) const {
  const ConvProblem& p = problem_;
  if (is(Kernel::stem))
    return packStem(stored.weight, p.outChannels, p.inChannels, p.window, stored.factor, stemLayout(),
                    p.weightType, to, stream);
  PackCall call{.weight = stored.weight,
                .groups = p.groups,
                .outChannels = p.outChannels,
                .inChannels = p.inChannels / p.groups,
                .kernelHeight = p.kernelHeight,
                .kernelWidth = p.kernelWidth,
                .transposed = p.kind == ConvProblem::Kind::dataGradient,
                .tapsDown = p.tapsDown,
                .tapsAcross = p.tapsAcross,
                .dtype = p.weightType,
                .columns = config_.columns,
                .tapTerms = config_.tapTerms};
  if (is(Kernel::depthwise)) {
    call = packDepthwise(stored.weight, p.outChannels, p.kernelHeight, p.kernelWidth);
    call.tapsDown = p.tapsDown;
    call.tapsAcross = p.tapsAcross;
    call.dtype = p.inType;
  }
  if (p.channelsLast) {  // each tap of each output channel is a row of channels
    call.outChannels *= p.taps();
    call.columns *= p.taps();
    call.kernelHeight = call.kernelWidth = 1;
    call.tapsDown = call.tapsAcross = {};
  }
  call.factor = stored.factor;
  call.to = to;
  packWeights(call, stream);
}

ConvCall PackedConv::productOf(const Call& call) const {
  return {.window = problem_.window,
          .x = call.x,
          .weights = {.weight = call.packed,
                      .dtype = problem_.weightType,
                      .columns = config_.columns,
                      .tapTerms = config_.tapTerms,
                      .rowTerms = problem_.taps() * config_.tapTerms,
                      .bias = biasOf(call.packed),
                      .slope = slopeOf(call.packed),
                      .groups = problem_.groups},
          .to = call.to,
          .residual = call.residual,
          .maxout = problem_.maxout,
          .scratch = call.scratch};
}

void PackedConv::launch(const Call& call, cudaStream_t stream) const {
  const ConvProblem& p = problem_;
  if (is(Kernel::depthwise)) {
    FACENET_ASSERT(call.x.dtype == p.inType && call.to.size() == 1);
    return depthwise({.window = p.window,
                      .x = call.x,
                      .weight = call.packed,
                      .bias = biasOf(call.packed),
                      .slope = slopeOf(call.packed),
                      .columns = config_.columns,
                      .activation = call.to[0].activation,
                      .y = call.to[0].y,
                      .residual = call.residual},
                     stream);
  }
  if (is(Kernel::stem))
    return stem({.window = p.window,
                 .x = call.x,
                 .preprocess = p.preprocess,
                 .weight = call.packed,
                 .weightType = p.weightType,
                 .columns = config_.columns,
                 .bias = biasOf(call.packed),
                 .slope = slopeOf(call.packed),
                 .to = call.to,
                 .residual = call.residual},
                device_.multiprocessors, stream);
  ConvProblem actual = p;
  actual.pixelStride = call.x.pixelStride;
  actual.aligned = reinterpret_cast<uintptr_t>(call.x.data) % 16 == 0;
  launchProduct(chooseConv(actual, call.x.count, device_), productOf(call), stream);
}

int64_t PackedConv::scratchBytes(int64_t count) const {
  int64_t bytes = chooseConv(problem_, count, device_).scratchBytes;
  if (problem_.training) {
    ConvProblem unaligned = problem_;
    unaligned.aligned = false;
    bytes = std::max(bytes, chooseConv(unaligned, count, device_).scratchBytes);
  }
  return bytes;
}

}  // namespace facenet::cuda
