// The ops that are one pass over memory: norm, activation, pools, lrn, maxout, concat, add, zero_pad,
// upsample, l2_normalize.

#include <algorithm>
#include <cmath>

#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/kernels.h"

namespace facenet::cpu {

namespace {

Shape inputShape(const Plan& plan, const Step& step) {
  return plan.tensors[static_cast<size_t>(step.inputs[0])].shape;
}

// A kernel made of a lambda (inputs, outputs, scratch).
template <class F>
class Pass final : public Kernel {
 public:
  Pass(F run, int64_t scratchBytes) : run_(std::move(run)), scratchBytes_(scratchBytes) {}
  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    run_(inputs, outputs, scratch);
  }
  int64_t scratchBytes(int64_t) const override { return scratchBytes_; }
  std::string describe() const override { return isa().name; }

 private:
  F run_;
  int64_t scratchBytes_;
};

template <class F>
std::unique_ptr<Kernel> pass(F run, int64_t scratchBytes = 0) {
  return std::make_unique<Pass<F>>(std::move(run), scratchBytes);
}

using Views = const std::vector<View>&;

// Channels [first, first + count) of a view.
View channels(const View& view, int64_t first, int64_t count) {
  View slice = view;
  slice.data = view.as<unsigned char>() + first * static_cast<int64_t>(byteSize(view.dtype));
  slice.shape.channels = count;
  return slice;
}

float at(const View& view, int64_t element) {
  return view.dtype == DType::f32 ? view.as<float>()[element] : toFloat(view.as<bf16>()[element]);
}
void put(const View& view, int64_t element, float value) {
  if (view.dtype == DType::f32)
    view.as<float>()[element] = value;
  else
    view.as<bf16>()[element] = toBf16(value);
}

}  // namespace

std::unique_ptr<Kernel> makeNorm(const Plan& plan, const Step& step, const Weights& weights) {
  const auto folded = foldNorm(std::get<Norm>(step.op), inputShape(plan, step).channels, weights, step.name);
  return pass([folded](Views in, Views out, void*) {
    isa().scaleShift(in[0], out[0], folded.scale.data(), folded.shift.data());
  });
}

// Networks end in it: a value for each box that a detector looks at, too few to be worth a vector of exp.
static std::unique_ptr<Kernel> makeSigmoid() {
  return pass([](Views in, Views out, void*) {
    const int64_t channels = in[0].shape.channels;
    for (int64_t p = 0; p < in[0].count * in[0].shape.pixels(); ++p)
      for (int64_t c = 0; c < channels; ++c)
        put(out[0], p * out[0].pixelStride + c, 1 / (1 + std::exp(-at(in[0], p * in[0].pixelStride + c))));
  });
}

std::unique_ptr<Kernel> makeActivation(const Plan& plan, const Step& step, const Weights& weights) {
  const auto& op = std::get<Activation>(step.op);
  if (op.kind == Activation::Kind::sigmoid) return makeSigmoid();
  return pass([kind = op.kind, slopes = readSlopes(op, inputShape(plan, step).channels, weights, step.name)](
                  Views in, Views out, void*) {
    isa().activation(in[0], out[0], kind, slopes.empty() ? nullptr : slopes.data());
  });
}

std::unique_ptr<Kernel> makePool(const Plan&, const Step& step, const Weights&) {
  return pass([op = std::get<Pool>(step.op)](Views in, Views out, void*) { isa().pool(op, in[0], out[0]); });
}

std::unique_ptr<Kernel> makeLrn(const Plan& plan, const Step& step, const Weights&) {
  const auto& op = std::get<Lrn>(step.op);
  return pass([op](Views in, Views out,
                   void* scratch) { isa().lrn(op, in[0], out[0], static_cast<float*>(scratch)); },
              (inputShape(plan, step).channels + op.size + 2 * isa().lanes) * 4);
}

std::unique_ptr<Kernel> makeMaxout(const Plan&, const Step& step, const Weights&) {
  return pass([pieces = std::get<Maxout>(step.op).pieces](Views in, Views out, void*) {
    for (int64_t p = 0; p < in[0].count * in[0].shape.pixels(); ++p)
      for (int64_t j = 0; j < out[0].shape.channels; ++j) {
        float best = at(in[0], p * in[0].pixelStride + j * pieces);
        for (int64_t i = 1; i < pieces; ++i)
          best = std::max(best, at(in[0], p * in[0].pixelStride + j * pieces + i));
        put(out[0], p * out[0].pixelStride + j, best);
      }
  });
}

std::unique_ptr<Kernel> makeConcat(const Plan&, const Step&, const Weights&) {
  return pass([](Views in, Views out, void*) {
    int64_t first = 0;
    for (const View& view : in) {
      const View slice = channels(out[0], first, view.shape.channels);
      if (slice.data != view.data) isa().convert(view, slice);  // else its producer has written it in place
      first += view.shape.channels;
    }
  });
}

std::unique_ptr<Kernel> makeAdd(const Plan& plan, const Step& step, const Weights& weights) {
  const auto& op = std::get<Add>(step.op);
  return pass([op, slopes = readSlopes(op.activation, inputShape(plan, step).channels, weights, step.name)](
                  Views in, Views out, void*) {
    isa().add(in[0], in[1], op.factor, out[0], op.activation.kind, slopes.empty() ? nullptr : slopes.data());
  });
}

std::unique_ptr<Kernel> makeZeroPad(const Plan&, const Step& step, const Weights&) {
  return pass([op = std::get<ZeroPad>(step.op)](Views in, Views out, void*) {
    const Shape& from = in[0].shape;
    const Shape& to = out[0].shape;
    for (int64_t p = 0; p < out[0].count * to.pixels(); ++p) {
      const int64_t n = p / to.pixels(), y = p % to.pixels() / to.width - op.top, x = p % to.width - op.left;
      const bool inside = y >= 0 && y < from.height && x >= 0 && x < from.width;
      View pixel = out[0];
      pixel.data =
          out[0].as<unsigned char>() + p * out[0].pixelStride * static_cast<int64_t>(byteSize(out[0].dtype));
      if (inside) {
        View source = in[0];
        source.data = in[0].as<unsigned char>() + ((n * from.height + y) * from.width + x) *
                                                      in[0].pixelStride *
                                                      static_cast<int64_t>(byteSize(in[0].dtype));
        source.count = pixel.count = 1;
        source.shape = {1, 1, from.channels};
        pixel.shape = source.shape;
        isa().convert(source, pixel);
      }
      for (int64_t c = inside ? from.channels : 0; c < to.channels; ++c) put(pixel, c, 0);
    }
  });
}

std::unique_ptr<Kernel> makeUpsample(const Plan&, const Step& step, const Weights&) {
  return pass([factor = std::get<Upsample>(step.op).factor](Views in, Views out, void*) {
    const Shape& to = out[0].shape;
    for (int64_t row = 0; row < out[0].count * to.height; ++row) {
      for (int64_t x = 0; x < factor; ++x) {
        // The columns x, x + factor, x + 2 * factor, ... of this row, seen as an image of one row.
        View source = in[0], target = out[0];
        source.count = target.count = 1;
        source.shape = target.shape = {1, in[0].shape.width, to.channels};
        source.data = in[0].as<unsigned char>() + row / factor * in[0].shape.width * in[0].pixelStride *
                                                      static_cast<int64_t>(byteSize(in[0].dtype));
        target.data = out[0].as<unsigned char>() + (row * to.width + x) * out[0].pixelStride *
                                                       static_cast<int64_t>(byteSize(out[0].dtype));
        target.pixelStride = out[0].pixelStride * factor;
        isa().convert(source, target);
      }
    }
  });
}

std::unique_ptr<Kernel> makeL2Normalize(const Plan&, const Step& step, const Weights&) {
  return pass([op = std::get<L2Normalize>(step.op)](Views in, Views out, void*) {
    const int64_t channels = in[0].shape.channels;
    for (int64_t n = 0; n < in[0].count; ++n) {
      const int64_t first = n * in[0].shape.pixels(), last = first + in[0].shape.pixels();
      double sum = 0;
      for (int64_t p = first; p < last; ++p)
        for (int64_t c = 0; c < channels; ++c) {
          const double value = at(in[0], p * in[0].pixelStride + c);
          sum += value * value;
        }
      const double norm = std::max(std::sqrt(sum), static_cast<double>(op.epsilon));
      for (int64_t p = first; p < last; ++p)
        for (int64_t c = 0; c < channels; ++c)
          put(out[0], p * out[0].pixelStride + c,
              static_cast<float>(at(in[0], p * in[0].pixelStride + c) / norm));
    }
  });
}

}  // namespace facenet::cpu
