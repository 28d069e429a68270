// The ops that go over an image once: activations, maxout, concat, add, zero_pad, l2_normalize, preprocess.
#include <cmath>

#include "native/backends/cpu/gradient_kernels.h"
#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"

namespace facenet::cpu {
namespace {

// The `shape` part of a view that starts at (y, x, channel), row `row` of it.
View rowOf(const View& view, int64_t y, int64_t x, int64_t channel, int64_t width, int64_t channels) {
  View row = view;
  row.shape = {1, width, channels};
  row.data = view.as<float>() + (y * view.shape.width + x) * view.pixelStride + channel;
  return row;
}

struct ActivationImages {
  Activation op;
  void forward(const Images& i) const {
    if (op.kind != Activation::Kind::sigmoid) return isa().activation(i.x[0], i.y[0], op.kind, nullptr);
    for (int64_t p = 0; p < i.x[0].shape.pixels(); ++p)
      for (int64_t c = 0; c < i.x[0].shape.channels; ++c)
        i.y[0].as<float>()[p * i.y[0].pixelStride + c] =
            1 / (1 + std::exp(-i.x[0].as<float>()[p * i.x[0].pixelStride + c]));
  }
  void backward(const Images& i) const {
    if (op.kind != Activation::Kind::sigmoid)
      return isa().mask(i.y[0], i.dy[0], i.dx[0], i.accumulate(0), op.kind);
    for (int64_t p = 0; p < i.y[0].shape.pixels(); ++p)
      for (int64_t c = 0; c < i.y[0].shape.channels; ++c) {
        const float y = i.y[0].as<float>()[p * i.y[0].pixelStride + c];
        i.put(0, p, c, i.dy[0].as<float>()[p * i.dy[0].pixelStride + c] * y * (1 - y));
      }
  }
};

struct MaxoutImages {
  int64_t pieces;
  template <class Use>
  void eachWinner(const Images& i, Use use) const {
    for (int64_t p = 0; p < i.y[0].shape.pixels(); ++p)
      for (int64_t j = 0; j < i.y[0].shape.channels; ++j) {
        const float* x = i.x[0].as<float>() + p * i.x[0].pixelStride + j * pieces;
        int64_t winner = 0;
        for (int64_t k = 1; k < pieces; ++k)
          if (x[k] > x[winner]) winner = k;
        use(p, j, winner, x[winner]);
      }
  }
  void forward(const Images& i) const {
    eachWinner(i, [&](int64_t p, int64_t j, int64_t, float value) {
      i.y[0].as<float>()[p * i.y[0].pixelStride + j] = value;
    });
  }
  void backward(const Images& i) const {
    eachWinner(i, [&](int64_t p, int64_t j, int64_t winner, float) {
      const float dy = i.dy[0].as<float>()[p * i.dy[0].pixelStride + j];
      for (int64_t k = 0; k < pieces; ++k) i.put(0, p, j * pieces + k, k == winner ? dy : 0);
    });
  }
};

struct ConcatImages {
  template <class Copy>
  void eachPart(const std::vector<View>& parts, const View& whole, Copy copy) const {
    int64_t first = 0;
    for (size_t k = 0; k < parts.size(); ++k) {
      View slice = whole;
      slice.data = whole.as<float>() + first;
      slice.shape.channels = parts[k].shape.channels;
      copy(k, slice);
      first += parts[k].shape.channels;
    }
  }
  void forward(const Images& i) const {
    eachPart(i.x, i.y[0], [&](size_t k, const View& slice) { isa().convert(i.x[k], slice); });
  }
  void backward(const Images& i) const {
    eachPart(i.x, i.dy[0], [&](size_t k, const View& slice) {
      if (i.dx[k].data) isa().scaled(slice, 1, i.dx[k], i.accumulate(k));
    });
  }
};

struct AddImages {
  Add op;
  void forward(const Images& i) const {
    isa().add(i.x[0], i.x[1], op.factor, i.y[0], op.activation.kind, nullptr);
  }
  void backward(const Images& i) const {
    if (op.activation) isa().mask(i.y[0], i.dy[0], i.dy[0], false, op.activation.kind);
    if (i.dx[0].data) isa().scaled(i.dy[0], 1, i.dx[0], i.accumulate(0));
    if (i.dx[1].data) isa().scaled(i.dy[0], op.factor, i.dx[1], i.accumulate(1));
  }
};

struct ZeroPadImages {
  ZeroPad op;
  void forward(const Images& i) const {
    const View &x = i.x[0], &y = i.y[0];
    for (int64_t p = 0; p < y.shape.pixels(); ++p)
      std::fill_n(y.as<float>() + p * y.pixelStride, y.shape.channels, 0.0f);
    for (int64_t row = 0; row < x.shape.height; ++row)
      isa().convert(rowOf(x, row, 0, 0, x.shape.width, x.shape.channels),
                    rowOf(y, row + op.top, op.left, 0, x.shape.width, x.shape.channels));
  }
  void backward(const Images& i) const {
    const View &dx = i.dx[0], &dy = i.dy[0];
    for (int64_t row = 0; row < dx.shape.height; ++row)
      isa().scaled(rowOf(dy, row + op.top, op.left, 0, dx.shape.width, dx.shape.channels), 1,
                        rowOf(dx, row, 0, 0, dx.shape.width, dx.shape.channels), i.accumulate(0));
  }
};

struct L2NormalizeImages {
  float epsilon;
  template <class Use>
  static void eachElement(const View& view, Use use) {
    for (int64_t p = 0; p < view.shape.pixels(); ++p)
      for (int64_t c = 0; c < view.shape.channels; ++c) use(p, c);
  }
  static float& at(const View& view, int64_t p, int64_t c) {
    return view.as<float>()[p * view.pixelStride + c];
  }

  void forward(const Images& i) const {
    double squares = 0;
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      squares += static_cast<double>(at(i.x[0], p, c)) * at(i.x[0], p, c);
    });
    const double length = std::max(std::sqrt(squares), static_cast<double>(epsilon));
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      at(i.y[0], p, c) = static_cast<float>(at(i.x[0], p, c) / length);
    });
  }
  void backward(const Images& i) const {
    double squares = 0, dot = 0;
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      const double x = at(i.x[0], p, c);
      squares += x * x;
      dot += x * at(i.dy[0], p, c);
    });
    const bool inside = std::sqrt(squares) <= epsilon;
    const double length = inside ? static_cast<double>(epsilon) : std::sqrt(squares);
    const double along = inside ? 0 : dot / squares;
    eachElement(i.x[0], [&](int64_t p, int64_t c) {
      i.put(0, p, c, static_cast<float>((at(i.dy[0], p, c) - at(i.x[0], p, c) * along) / length));
    });
  }
};

// Images have no gradient.
class PreprocessKernel final : public TrainKernel {
 public:
  explicit PreprocessKernel(const TrainContext& context)
      : kernel_(makePreprocess(context.plan, context.step, {})) {}
  void forward(const Pass& pass) const override {
    share(pass, pass.x[0].count,
          [&](int64_t n) { kernel_->run({image(pass.x[0], n)}, {image(pass.y[0], n)}, nullptr); });
  }
  void backward(const Pass&, const Gradients& gradients) const override {
    FACENET_ASSERT(!gradients.dx[0].data);
  }
  std::string describe() const override { return kernel_->describe(); }

 private:
  std::unique_ptr<Kernel> kernel_;
};

}  // namespace

std::unique_ptr<TrainKernel> makeActivation(const TrainContext& context) {
  const auto& op = std::get<Activation>(context.step.op);
  if (op.kind == Activation::Kind::prelu) return makePrelu(context);
  return byImage(ActivationImages{op});
}
std::unique_ptr<TrainKernel> makeMaxout(const TrainContext& context) {
  return byImage(MaxoutImages{std::get<Maxout>(context.step.op).pieces});
}
std::unique_ptr<TrainKernel> makeConcat(const TrainContext&) {
  return byImage(ConcatImages{});
}
std::unique_ptr<TrainKernel> makeAdd(const TrainContext& context) {
  const auto& op = std::get<Add>(context.step.op);
  if (op.activation.kind == Activation::Kind::prelu) return train::makeReferenceTrainKernel(context);
  return byImage(AddImages{op});
}
std::unique_ptr<TrainKernel> makeZeroPad(const TrainContext& context) {
  return byImage(ZeroPadImages{std::get<ZeroPad>(context.step.op)});
}
std::unique_ptr<TrainKernel> makeL2Normalize(const TrainContext& context) {
  return byImage(L2NormalizeImages{std::get<L2Normalize>(context.step.op).epsilon});
}
std::unique_ptr<TrainKernel> makePreprocess(const TrainContext& context) {
  return std::make_unique<PreprocessKernel>(context);
}

}  // namespace facenet::cpu
