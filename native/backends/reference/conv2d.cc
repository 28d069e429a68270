// Convolution: seven loops. What lies outside the image is zero, so taps there are skipped.
#include "native/backends/reference/loops.h"

namespace facenet::reference {
namespace {

// One of the sibling convolutions that a step may hold, with its weights as O x I/groups x KH x KW.
struct Part {
  int64_t outChannels;
  std::vector<float> weight, bias;
  Activate activate;
};

Part preparePart(const Conv2d& op, const ConvPart& part, const Context& context) {
  const int64_t inChannels = op.inChannels(context.input().channels) / op.groups;
  FoldedWeights folded = foldConvPart(part, inChannels, op.window, context.weights, context.step.name);
  return {part.outChannels, context.stored(std::move(folded.weight)), std::move(folded.bias),
          Activate(part.activation, part.outChannels, context)};
}

// The sum over one window, for output channel o at output pixel (y, x) of image n.
double windowSum(const Conv2d& op, const Part& part, const View& in, int64_t n, int64_t y, int64_t x,
                 int64_t o) {
  const Window& w = op.window;
  const int64_t inChannels = in.shape.channels / op.groups;
  const int64_t group = o / (part.outChannels / op.groups);
  double sum = 0;
  for (int64_t ky = 0; ky < w.kernelHeight; ++ky) {
    for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
      const int64_t row = y * w.strideHeight + ky - w.padTop;
      const int64_t column = x * w.strideWidth + kx - w.padLeft;
      if (row < 0 || row >= in.shape.height || column < 0 || column >= in.shape.width) continue;
      const int64_t pixel = pixelIndex(in, n, row, column) + group * inChannels;
      for (int64_t i = 0; i < inChannels; ++i) {
        const int64_t tap = ((o * inChannels + i) * w.kernelHeight + ky) * w.kernelWidth + kx;
        sum += load(in, pixel + i) * part.weight[tap];
      }
    }
  }
  return sum;
}

// The convolution of an image that is preprocessed on the way: what a step of its own would have stored.
Loop preprocessed(const Conv2d& op, const Context& context, Loop convolve) {
  const Loop preprocess = prepare(*op.preprocess, context);
  const Shape& image = context.input();
  const Shape shape{image.height, image.width, op.inChannels(image.channels)};
  const DType dtype = context.plan.options.dtype;
  return [=](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const int64_t count = inputs[0].count;
    std::vector<char> memory(static_cast<size_t>(count * shape.elements()) * byteSize(dtype));
    std::vector<View> all = inputs;
    all[0] = {memory.data(), dtype, count, shape, shape.channels};
    preprocess({inputs[0]}, {all[0]});
    convolve(all, outputs);
  };
}

}  // namespace

Loop prepare(const Conv2d& op, const Context& context) {
  FACENET_ASSERT(op.parts.size() == context.step.outputs.size());
  FACENET_ASSERT(!op.residual || op.parts.size() == 1);
  std::vector<Part> parts;
  for (const ConvPart& part : op.parts) parts.push_back(preparePart(op, part, context));

  const Loop convolve = [op, parts](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    for (size_t p = 0; p < parts.size(); ++p) {
      const Part& part = parts[p];
      const View& out = outputs[p];
      forEachPixel(out, [&](int64_t n, int64_t y, int64_t x) {
        for (int64_t o = 0; o < part.outChannels; ++o) {
          double value = windowSum(op, part, inputs[0], n, y, x, o) + part.bias[o];
          if (op.residual) value += load(inputs[1], pixelIndex(inputs[1], n, y, x) + o);
          store(out, pixelIndex(out, n, y, x) + o, part.activate(value, o));
        }
      });
    }
  };
  return op.preprocess ? preprocessed(op, context, convolve) : convolve;
}

}  // namespace facenet::reference
