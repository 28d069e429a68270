// Convolution: seven loops. What lies outside the image is zero, so taps there are skipped.
#include "native/backends/reference/activation.h"

namespace facenet::reference {
namespace {

// One of the sibling convolutions that a step may hold, with its weights as O x I/groups x KH x KW.
struct Part {
  int64_t outChannels;
  std::vector<float> weight, bias;
  Activate activate;
};

Part preparePart(const Conv2d& op, const ConvPart& part, const StepContext& context) {
  const int64_t inChannels = op.inChannels(context.input().shape.channels) / op.groups;
  FoldedWeights folded = foldConvPart(part, inChannels, op.window, context.weights, context.step.name);
  return {part.outChannels, stored(context.plan, std::move(folded.weight)), std::move(folded.bias),
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
      const int64_t row = y * w.strideHeight + ky * w.dilationHeight - w.padTop;
      const int64_t column = x * w.strideWidth + kx * w.dilationWidth - w.padLeft;
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
Loop preprocessed(const Conv2d& op, const StepContext& context, Loop convolve) {
  const std::shared_ptr<Kernel> preprocess = makeKernel(*op.preprocess, context);
  const Shape& image = context.input().shape;
  const Shape shape{image.height, image.width, op.inChannels(image.channels)};
  const DType dtype = context.plan.options.dtype;
  return [=](const std::vector<View>& inputs, const std::vector<View>& outputs) {
    const int64_t count = inputs[0].count;
    std::vector<char> memory(static_cast<size_t>(count * shape.elements()) * byteSize(dtype));
    std::vector<View> all = inputs;
    all[0] = {memory.data(), dtype, count, shape, shape.channels};
    preprocess->run({inputs[0]}, {all[0]}, nullptr);
    convolve(all, outputs);
  };
}

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Conv2d& op, const StepContext& context) {
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
  return plainLoop(op.preprocess ? preprocessed(op, context, convolve) : convolve);
}

namespace {

// Every product of the forward sum gives one term to two gradients.
template <class Real>
class ConvLoops final : public PlainLoops<Conv2d> {
 public:
  using PlainLoops::PlainLoops;

  void backward(const Pass& pass, const Gradients& gradients) const override {
    Batch<Real> dx(pass.x[0]);
    const std::vector<OwnedView> raw = beforeActivation(pass);
    for (size_t p = 0; p < op_.parts.size(); ++p) {
      Batch<Real> g = activationGradient<Real>(op_.parts[p].activation, context_, pass, gradients,
                                               &raw[p].view, pass.y[p], gradients.dy[p]);
      addPart(op_.parts[p], pass, gradients, g, dx);
      if (p + 1 == op_.parts.size()) dx.write(gradients.dx[0], gradients.accumulate[0]);
      if (op_.residual) g.write(gradients.dx[1], gradients.accumulate[1]);
    }
  }

 private:
  // What the activations were given.
  std::vector<OwnedView> beforeActivation(const Pass& pass) const {
    Step step = context_.step;
    for (ConvPart& part : std::get<Conv2d>(step.op).parts) part.activation = {};
    std::vector<OwnedView> raw;
    std::vector<View> views;
    for (const View& y : pass.y) raw.emplace_back(y.count, y.shape);
    for (const OwnedView& owned : raw) views.push_back(owned.view);
    runForward(context_, step, pass, views);
    return raw;
  }

  void addPart(const ConvPart& part, const Pass& pass, const Gradients& gradients, Batch<Real>& g,
               Batch<Real>& dx) const {
    const Window& w = op_.window;
    const View& x = pass.x[0];
    const int64_t inChannels = x.shape.channels / op_.groups, groupOut = part.outChannels / op_.groups;
    const auto factor = static_cast<Real>(part.factor);
    Sum<Real> weight(context_, part.weight, pass), bias(context_, part.bias, pass);
    forEachPixel(pass.y[0], [&](int64_t n, int64_t oy, int64_t ox) {
      for (int64_t o = 0; o < part.outChannels; ++o) {
        const Real dy = factor * g.at(n, oy, ox, o);
        bias.add(o, dy);
        for (int64_t ky = 0; ky < w.kernelHeight; ++ky) {
          for (int64_t kx = 0; kx < w.kernelWidth; ++kx) {
            const int64_t row = oy * w.strideHeight + ky * w.dilationHeight - w.padTop;
            const int64_t column = ox * w.strideWidth + kx * w.dilationWidth - w.padLeft;
            if (row < 0 || row >= x.shape.height || column < 0 || column >= x.shape.width) continue;
            for (int64_t i = 0; i < inChannels; ++i) {
              const int64_t c = o / groupOut * inChannels + i;
              const int64_t tap = ((o * inChannels + i) * w.kernelHeight + ky) * w.kernelWidth + kx;
              dx.at(n, row, column, c) += weight.value(tap) * dy;
              weight.add(tap, static_cast<Real>(load(x, pixelIndex(x, n, row, column) + c)) * dy);
            }
          }
        }
      }
    });
    weight.write(gradients);
    bias.write(gradients);
  }
};

}  // namespace

std::unique_ptr<TrainKernel> makeTrainKernel(const Conv2d& op, const TrainContext& context, Precision sums) {
  return makeLoops<ConvLoops>(op, context, sums);
}

}  // namespace facenet::reference
