#include "cuda/batch_norm.cuh"

#include <cmath>

#include "gradients.h"

namespace emulator::tests {
namespace {

using facenet::cuda::NormCall;
using facenet::cuda::NormParameter;

enum class Mode { batch, running, affine };

struct NormCase {
  Mode mode;
  DType x, y;
  int64_t count;
  Shape shape;
  Layout from, to;
  bool one = false;  // each parameter stands for all channels
  bool accumulate = false;
  float low = -2, high = 2;  // of x
  float rate = 0.1f;
};

// A parameter of one value per channel, or of one for all.
struct Values {
  Values(const NormCase& c, unsigned seed, float low, float high)
      : host(randomValues(c.one ? 1 : static_cast<size_t>(c.shape.channels), seed, low, high)),
        device(onDevice(padded())) {}

  double at(int64_t channel) const { return host[host.size() == 1 ? 0 : static_cast<size_t>(channel)]; }
  NormParameter parameter() const { return {device.data(), host.size() == 1}; }
  std::vector<float> now() const { return onHost(device); }

  std::vector<float> host;
  facenet::cuda::DeviceBuffer<float> device;

 private:
  std::vector<float> padded() const {
    std::vector<float> values = host;
    values.resize((host.size() + 15) / 16 * 16, std::nanf(""));
    return values;
  }
};

// What fp64 says of a channel.
struct Channel {
  double mean = 0, variance = 0, inverse = 1, sum = 0, product = 0;
};

class NormTest {
 public:
  explicit NormTest(const NormCase& c)
      : c_(c),
        x_(TestView::random(c.x, c.count, c.shape, c.from, 1, c.low, c.high)),
        dy_(TestView::random(c.y, c.count, c.shape, c.to, 2)),
        scale_(c, 3, 0.5f, 2),
        shift_(c, 4, -1, 1),
        mean_(c, 5, -1, 1),
        variance_(c, 6, 0.5f, 2),
        dscale_(c, 7, -1, 1),
        dshift_(c, 8, -1, 1),
        saved_(memoryOf(facenet::cuda::normSavedBytes(c.shape.channels))),
        scratch_(memoryOf(facenet::cuda::normScratchBytes(c.count, c.shape))),
        channels_(static_cast<size_t>(c.shape.channels)) {
    for (int64_t i = 0; i < c.shape.channels; ++i) measure(i);
  }

  void check() {
    TestView y = TestView::untouched(c_.y, c_.count, c_.shape, c_.to);
    facenet::cuda::normForward(call(), x_.view(), y.view(), c_.rate, nullptr);
    const double most = std::max(std::abs(c_.low), std::abs(c_.high));
    // The mean and x are rounded to fp32, the rest is a sum of values of about one.
    const double slack = most * 0x1p-21 + 1e-5;
    y.check(
        "y",
        [&](int64_t n, int64_t row, int64_t column, int64_t i) {
          return normalized(n, row, column, i) * scale_.at(i) + shift_.at(i);
        },
        [&](double value) { return std::abs(value) * rounding(c_.y) + slack; });
    checkRunning(slack);
    checkBackward(slack);
  }

  Counters countForward() {
    const TestView y = TestView::untouched(c_.y, c_.count, c_.shape, c_.to);
    return count([&] { facenet::cuda::normForward(call(), x_.view(), y.view(), 0.1f, nullptr); });
  }
  Counters countBackward() {
    const TestView dx = TestView::untouched(c_.x, c_.count, c_.shape, c_.from);
    return count([&] {
      facenet::cuda::normBackward(call(), x_.view(), dy_.view(), dx.view(), false, dscale_.device.data(),
                                  dshift_.device.data(), nullptr);
    });
  }

 private:
  NormCall call() const {
    NormCall call{};
    call.scale = scale_.parameter(), call.shift = shift_.parameter();
    if (c_.mode != Mode::affine) call.mean = mean_.parameter(), call.variance = variance_.parameter();
    call.epsilon = 1e-3f;
    call.batch = c_.mode == Mode::batch;
    call.saved = saved_.data();
    call.scratch = scratch_.data();
    return call;
  }

  void eachPixel(const std::function<void(int64_t n, int64_t y, int64_t x)>& body) const {
    forEachValue(c_.count, {c_.shape.height, c_.shape.width, 1},
                 [&](int64_t n, int64_t y, int64_t x, int64_t) { body(n, y, x); });
  }
  double pixels() const { return static_cast<double>(c_.count * c_.shape.pixels()); }
  double normalized(int64_t n, int64_t y, int64_t x, int64_t i) const {
    const Channel& channel = channels_[static_cast<size_t>(i)];
    return (x_.at(n, y, x, i) - channel.mean) * channel.inverse;
  }

  void measure(int64_t i) {
    Channel& channel = channels_[static_cast<size_t>(i)];
    if (c_.mode == Mode::batch) {
      eachPixel([&](int64_t n, int64_t y, int64_t x) { channel.mean += x_.at(n, y, x, i) / pixels(); });
      eachPixel([&](int64_t n, int64_t y, int64_t x) {
        channel.variance += std::pow(x_.at(n, y, x, i) - channel.mean, 2) / pixels();
      });
    } else if (c_.mode == Mode::running) {
      channel.mean = mean_.at(i), channel.variance = variance_.at(i);
    }
    if (c_.mode != Mode::affine) channel.inverse = 1 / std::sqrt(channel.variance + double{1e-3f});
    eachPixel([&](int64_t n, int64_t y, int64_t x) {
      channel.sum += dy_.at(n, y, x, i);
      channel.product += dy_.at(n, y, x, i) * normalized(n, y, x, i);
    });
  }

  // The mean over the channels that a parameter stands for.
  template <class Value>
  double follows(size_t element, Value value) const {
    if (!c_.one) return value(channels_[element]);
    double sum = 0;
    for (const Channel& channel : channels_) sum += value(channel);
    return sum / static_cast<double>(channels_.size());
  }

  void checkRunning(double slack) const {
    const bool moves = c_.mode == Mode::batch;
    const double unbiased = pixels() > 1 ? pixels() / (pixels() - 1) : 1;
    const auto checkOne = [&](const char* what, const Values& running, auto value) {
      const std::vector<float> now = running.now();
      for (size_t i = 0; i < running.host.size(); ++i) {
        const double before = running.host[i];
        const double expected = before + (moves ? double{c_.rate} * (follows(i, value) - before) : 0);
        expect(std::abs(now[i] - expected) <= (moves ? slack : 0), what, " ", i, ": ", now[i], " not ",
               expected);
      }
    };
    checkOne("running mean", mean_, [](const Channel& channel) { return channel.mean; });
    checkOne("running variance", variance_,
             [&](const Channel& channel) { return unbiased * channel.variance; });
  }

  void checkBackward(double slack) {
    GradientView dx(c_.x, c_.count, c_.shape, c_.from, c_.accumulate);
    facenet::cuda::normBackward(call(), x_.view(), dy_.view(), dx.view(), c_.accumulate,
                                dscale_.device.data(), dshift_.device.data(), nullptr);
    const auto checkSums = [&](const char* what, const Values& gradient, auto value) {
      const std::vector<float> now = gradient.now();
      for (size_t i = 0; i < gradient.host.size(); ++i) {
        double expected = gradient.host[i], size = 1;
        for (size_t k = 0; k < channels_.size(); ++k)
          if (c_.one || k == i) expected += value(channels_[k]), size += pixels();
        expect(std::abs(now[i] - expected) <= size * slack, what, " ", i, ": ", now[i], " not ", expected);
      }
    };
    checkSums("scale's gradient", dscale_, [](const Channel& channel) { return channel.product; });
    checkSums("shift's gradient", dshift_, [](const Channel& channel) { return channel.sum; });
    dx.check(
        "dx",
        [&](int64_t n, int64_t y, int64_t x, int64_t i) {
          const Channel& channel = channels_[static_cast<size_t>(i)];
          double g = dy_.at(n, y, x, i);
          if (c_.mode == Mode::batch)
            g -= channel.sum / pixels() + normalized(n, y, x, i) * channel.product / pixels();
          return g * scale_.at(i) * channel.inverse;
        },
        slack * 4);
  }

  NormCase c_;
  TestView x_, dy_;
  Values scale_, shift_, mean_, variance_, dscale_, dshift_;
  facenet::cuda::DeviceBuffer<uint8_t> saved_, scratch_;
  std::vector<Channel> channels_;
};

TEST("batch_norm and affine forward and backward in every type and layout, in every order") {
  inEveryOrder([] {
    forTrainedTypes([](DType x, DType y) {
      forLayouts([&](int64_t channels, Layout from, Layout to) {
        NormTest({Mode::batch, x, y, 2, {3, 5, channels}, from, to, channels == 5, channels % 2 == 0})
            .check();
      });
      for (const Mode mode : {Mode::running, Mode::affine})
        for (const bool one : {false, true})
          NormTest({mode, x, y, 2, {3, 5, 13}, {16}, {24, 8}, one, !one}).check();
    });
  });
}

TEST("batch_norm of many pixels, of many channels and of one pixel, in every order") {
  inEveryOrder([] {
    NormTest({Mode::batch, DType::f32, DType::f32, 2, {40, 33, 24}, {24}, {24}}).check();
    NormTest({Mode::batch, DType::bf16, DType::bf16, 1, {2, 3, 2056}, {2056}, {2056}}).check();
    NormTest({Mode::batch, DType::f32, DType::f32, 1, {1, 1, 16}, {16}, {16}}).check();
  });
}

// fp32 has no bits left for the deviation in the square of such a mean.
TEST("batch_norm of values with a large mean does not cancel") {
  for (const float mean : {1e3f, -1e5f})
    NormTest({Mode::batch,
              DType::f32,
              DType::f32,
              2,
              {20, 21, 24},
              {24},
              {24},
              false,
              false,
              mean - 100,
              mean + 100})
        .check();
}

TEST("batch_norm leaves the running statistics alone at a rate of zero") {
  NormTest({Mode::batch, DType::f32, DType::f32, 2, {3, 5, 16}, {16}, {16}, false, false, -2, 2, 0}).check();
  NormTest({Mode::batch, DType::f32, DType::f32, 2, {3, 5, 16}, {16}, {16}, true, false, -2, 2, 0}).check();
}

TEST("batch_norm reads x twice forward, x and dy twice backward, in 16-byte vectors") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Shape shape{32, 32, 192};
    const int64_t bytes = shape.elements() * static_cast<int64_t>(facenet::byteSize(dtype));
    NormTest test({Mode::batch, dtype, dtype, 1, shape, {192}, {192}});
    const Counters forward = test.countForward(), backward = test.countBackward();
    // Beyond the activations: one value per channel each in fp32, which each thread reads for its 16 pixels, and parts
    // of sums.
    expect(forward.globalBytesRead <= 2 * bytes * 1.3, forward.globalBytesRead, " read of ", 2 * bytes);
    expect(backward.globalBytesRead <= 4 * bytes * 1.3, backward.globalBytesRead, " read of ", 4 * bytes);
    expect(forward.globalBytesWritten <= bytes * 1.15, forward.globalBytesWritten, " written of ", bytes);
    expect(backward.globalBytesWritten <= bytes * 1.15, backward.globalBytesWritten, " written of ", bytes);
    for (const Counters& c : {forward, backward})
      expect(c.sharedPhases == c.sharedPhasesIdeal, c.sharedPhases, " phases of ", c.sharedPhasesIdeal);
  }
}

}  // namespace
}  // namespace emulator::tests
