// Channels of an image that attend to each other, head by head. Sums are in fp64; the innermost loops run over neighbouring
// channels, of which a compiler can make vectors.
#include <algorithm>
#include <cmath>

#include "native/backends/cpu/channel_parameters.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"
#include "native/core/integers.h"

namespace facenet::cpu {

namespace {

// The channels of one head of an image in fp32.
struct Head {
  Head(const View& view, int64_t first)
      : data(view.as<float>() + first), stride(view.pixelStride), pixels(view.shape.pixels()) {}
  float* pixel(int64_t p) const { return data + p * stride; }

  float* data;
  int64_t stride, pixels;
};

// to[j] += factor * from[j]
template <class From>
void addScaled(const From* from, double factor, double* to, int64_t count) {
  for (int64_t j = 0; j < count; ++j) to[j] += factor * static_cast<double>(from[j]);
}

// sums[i][j] = the sum over pixels of a_i b_j, of `channels` each.
void products(const Head& a, const Head& b, int64_t channels, double* sums) {
  std::fill_n(sums, channels * channels, 0.0);
  for (int64_t p = 0; p < a.pixels; ++p)
    for (int64_t i = 0; i < channels; ++i)
      addScaled(b.pixel(p), static_cast<double>(a.pixel(p)[i]), sums + i * channels, channels);
}

// What is made of a head, in fp64: lengths, and d x d values of which those of one query lie in a row.
struct HeadValues {
  int64_t channels;
  double *queries, *keys, *alongQueries, *alongKeys, *line, *cosines, *weights, *gradients;

  static int64_t bytes(int64_t channels) { return roundUp((5 * channels + 3 * channels * channels) * 8, 64); }
  HeadValues(void* memory, int64_t channels)
      : channels(channels),
        queries(static_cast<double*>(memory)),
        keys(queries + channels),
        alongQueries(keys + channels),
        alongKeys(alongQueries + channels),
        line(alongKeys + channels),
        cosines(line + channels),
        weights(cosines + channels * channels),
        gradients(weights + channels * channels) {}

  void lengths(const Head& x, double epsilon, double* to) const {
    std::fill_n(to, channels, 0.0);
    for (int64_t p = 0; p < x.pixels; ++p)
      for (int64_t c = 0; c < channels; ++c)
        to[c] += static_cast<double>(x.pixel(p)[c]) * static_cast<double>(x.pixel(p)[c]);
    for (int64_t c = 0; c < channels; ++c) to[c] = std::max(std::sqrt(to[c]), epsilon);
  }

  void attend(const Head& q, const Head& k, double scale, double epsilon) const {
    lengths(q, epsilon, queries);
    lengths(k, epsilon, keys);
    products(q, k, channels, cosines);
    for (int64_t i = 0; i < channels; ++i) {
      double *cosine = cosines + i * channels, *weight = weights + i * channels;
      for (int64_t j = 0; j < channels; ++j) cosine[j] /= queries[i] * keys[j];
      double most = scale * cosine[0], total = 0;
      for (int64_t j = 0; j < channels; ++j) most = std::max(most, scale * cosine[j]);
      for (int64_t j = 0; j < channels; ++j) total += weight[j] = std::exp(scale * cosine[j] - most);
      for (int64_t j = 0; j < channels; ++j) weight[j] /= total;
    }
  }

  // line = the sum over others of factor(own, other) x_other[p]: factors of one other in a row, or in a column.
  void combine(const double* factors, bool rows, const Head& x, int64_t p) const {
    std::fill_n(line, channels, 0.0);
    for (int64_t other = 0; other < channels; ++other) {
      const double value = static_cast<double>(x.pixel(p)[other]);
      if (rows)
        addScaled(factors + other * channels, value, line, channels);
      else
        for (int64_t c = 0; c < channels; ++c) line[c] += factors[c * channels + other] * value;
    }
  }
};

// Images in fp32 with their heads.
struct Attention {
  CrossCovarianceAttention op;

  void forward(const View& q, const View& k, const View& v, const View& y, const float* scale,
               void* memory) const {
    const int64_t channels = op.headChannels(q.shape);
    const HeadValues made(memory, channels);
    for (int64_t h = 0; h < op.heads; ++h) {
      const int64_t first = h * channels;
      const Head values(v, first), to(y, first);
      made.attend({q, first}, {k, first}, static_cast<double>(scale[h]), static_cast<double>(op.epsilon));
      for (int64_t p = 0; p < values.pixels; ++p) {
        made.combine(made.weights, false, values, p);
        for (int64_t c = 0; c < channels; ++c) to.pixel(p)[c] = static_cast<float>(made.line[c]);
      }
    }
  }
};

// Of one image: dx of queries, keys and values, and dscale of each head.
struct AttentionGradient {
  CrossCovarianceAttention op;
  const Gradients& gradients;

  void head(const std::vector<View>& x, const View& dy, int64_t n, int64_t h, float scale, double* scaleSum,
            const HeadValues& made) const {
    const int64_t channels = made.channels, first = h * channels;
    const Head q(x[0], first), k(x[1], first), v(x[2], first), from(dy, first);
    made.attend(q, k, static_cast<double>(scale), static_cast<double>(op.epsilon));
    products(from, v, channels, made.gradients);
    for (int64_t i = 0; i < channels; ++i) {
      const double *weight = made.weights + i * channels, *cosine = made.cosines + i * channels;
      double* gradient = made.gradients + i * channels;
      double mean = 0;
      for (int64_t j = 0; j < channels; ++j) mean += weight[j] * gradient[j];
      for (int64_t j = 0; j < channels; ++j) {
        const double logit = weight[j] * (gradient[j] - mean);
        *scaleSum += logit * cosine[j];
        gradient[j] = static_cast<double>(scale) * logit;
      }
    }
    std::fill_n(made.alongQueries, channels, 0.0);
    std::fill_n(made.alongKeys, channels, 0.0);
    for (int64_t i = 0; i < channels; ++i)
      for (int64_t j = 0; j < channels; ++j) {
        double& gradient = made.gradients[i * channels + j];
        const double along = gradient * made.cosines[i * channels + j];
        made.alongQueries[i] += along;
        made.alongKeys[j] += along;
        gradient /= made.queries[i] * made.keys[j];
      }
    const auto side = [&](size_t input, bool rows, const Head& own, const Head& other, const double* lengths,
                          double* along) {
      const auto epsilon = static_cast<double>(op.epsilon);
      for (int64_t c = 0; c < channels; ++c)
        along[c] = lengths[c] > epsilon ? along[c] / (lengths[c] * lengths[c]) : 0;
      put(input, n, first, own.pixels, made, [&](int64_t p) {
        made.combine(made.gradients, rows, other, p);
        for (int64_t c = 0; c < channels; ++c)
          made.line[c] -= along[c] * static_cast<double>(own.pixel(p)[c]);
      });
    };
    // In the order of the inputs, since two of them may be one tensor.
    side(0, false, q, k, made.queries, made.alongQueries);
    side(1, true, k, q, made.keys, made.alongKeys);
    put(2, n, first, from.pixels, made, [&](int64_t p) { made.combine(made.weights, true, from, p); });
  }

 private:
  // dx of an input, whose values of pixel p fill(p) leaves in made.line.
  template <class Fill>
  void put(size_t input, int64_t n, int64_t first, int64_t pixels, const HeadValues& made, Fill fill) const {
    const View& dx = gradients.dx[input];
    if (!dx.data) return;
    const Head to(image(dx, n), first);
    for (int64_t p = 0; p < pixels; ++p) {
      fill(p);
      float* values = to.pixel(p);
      for (int64_t c = 0; c < made.channels; ++c) {
        const auto value = static_cast<float>(made.line[c]);
        values[c] = gradients.accumulate[input] ? values[c] + value : value;
      }
    }
  }
};

class AttentionTraining final : public TrainKernel {
 public:
  AttentionTraining(const CrossCovarianceAttention& op, const TrainContext& context)
      : op_(op),
        memory_(HeadValues::bytes(op.headChannels(context.input().shape))),
        scale_(context, op.scale, 1) {}

  void forward(const Pass& pass) const override {
    const std::vector<float> scale = values(pass);
    share(pass, pass.x[0].count, [&](int64_t n) {
      const std::vector<View> x = images(pass.x, n);
      Attention{op_}.forward(x[0], x[1], x[2], image(pass.y[0], n), scale.data(), threadMemory(memory_));
    });
  }
  void backward(const Pass& pass, const Gradients& gradients) const override {
    const std::vector<float> scale = values(pass);
    const AttentionGradient gradient{op_, gradients};
    scale_.add(gradients, sumImages(pass, op_.heads, [&](int64_t n, double* sums) {
                 const HeadValues made(threadMemory(memory_), op_.headChannels(pass.x[0].shape));
                 const std::vector<View> x = images(pass.x, n);
                 for (int64_t h = 0; h < op_.heads; ++h)
                   gradient.head(x, image(gradients.dy[0], n), n, h, scale[static_cast<size_t>(h)], sums + h,
                                 made);
               }));
  }
  std::string describe() const override { return isa().name; }

 private:
  std::vector<float> values(const Pass& pass) const {
    std::vector<float> scale;
    for (int64_t h = 0; h < op_.heads; ++h) scale.push_back(scale_.value(pass, h));
    return scale;
  }

  CrossCovarianceAttention op_;
  int64_t memory_;
  ChannelParameter scale_;
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const CrossCovarianceAttention& op, const StepContext& context) {
  const Shape shape = context.input().shape;
  const int64_t before = HeadValues::bytes(op.headChannels(shape)), elements = shape.elements();
  const std::vector<float> scale =
      context.weights.read(op.scale, {op.heads}, context.step.name, /*allowScalar=*/true);
  return lambdaKernel(
      [=](Views in, Views out, void* scratch) {
        auto* copies = reinterpret_cast<float*>(static_cast<char*>(scratch) + before);
        const auto dense = [&](int64_t index) {
          return View{copies + index * elements, DType::f32, 1, shape, shape.channels};
        };
        for (int64_t n = 0; n < out[0].count; ++n) {
          std::vector<View> x = images(in, n);
          for (size_t i = 0; i < 3; ++i)
            if (x[i].dtype != DType::f32) {
              const View copy = dense(static_cast<int64_t>(i));
              isa().convert(x[i], copy);
              x[i] = copy;
            }
          const View y = image(out[0], n);
          const View made = y.dtype == DType::f32 ? y : dense(3);
          Attention{op}.forward(x[0], x[1], x[2], made, scale.data(), scratch);
          if (y.dtype != DType::f32) isa().convert(made, y);
        }
      },
      before + 4 * elements * 4);
}

std::unique_ptr<TrainKernel> makeTrainKernel(const CrossCovarianceAttention& op,
                                             const TrainContext& context) {
  return std::make_unique<AttentionTraining>(op, context);
}

}  // namespace facenet::cpu
