// How weights follow their gradient. With w a weight, d its gradient, `scale` what all gradients are multiplied
// by (clipping), `decay` the L2 weight decay and `rate` the learning rate of the step:
//   g = scale * d + decay * w
//   sgd       w -= rate * g
//   momentum  v = momentum * v + g;  w -= rate * v, or with nesterov w -= rate * (g + momentum * v)
//   adagrad   s = s + g^2;  w -= rate * g / (sqrt(s) + epsilon)         (Duchi, Hazan, Singer, JMLR 2011)
//   adam      m = m + (1 - beta1) (g - m);  v = v + (1 - beta2) (g^2 - v);
//             w -= rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon), t = 1, 2, ... the updates so far
//                                                                       (Kingma, Ba, ICLR 2015)
// In fp32, one rounding an operation, with these sums of products as fused multiply-adds:
//   g = fma(decay, w, scale * d)            v = fma(momentum, v, g)          w = fma(-rate, v, w)
//   g + momentum * v = fma(momentum, v, g)  s = fma(g, g, s)                 w = w - (rate * g) / (sqrt(s) + epsilon)
//   m = fma(1 - beta1, g - m, m)            v = fma(1 - beta2, fma(g, g, -v), v)
//   w = w - (rate1 * m) / fma(sqrt(v), root, epsilon), rate1 = rate / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t)
// where 1 - beta1, 1 - beta2, rate1 and root are computed in fp64 and rounded once. So every backend gives the
// same bits.
#pragma once

#include <cmath>
#include <cstdint>

namespace facenet {

struct Optimizer {
  enum class Kind : uint8_t { sgd, momentum, adagrad, adam };
  Kind kind = Kind::sgd;
  float momentum = 0.9f;  // momentum
  bool nesterov = false;
  float initialAccumulator = 0.1f;    // adagrad: s before the first update
  float epsilon = 1e-10f;             // adagrad, adam; above zero where s or v can be zero
  double beta1 = 0.9, beta2 = 0.999;  // adam

  // Floats kept for every weight: none; v; s; m and v.
  int slots() const { return kind == Kind::sgd ? 0 : kind == Kind::adam ? 2 : 1; }
  const char* slotName(int slot) const {
    switch (kind) {
      case Kind::momentum: return "velocity";
      case Kind::adagrad: return "accumulator";
      case Kind::adam: return slot == 0 ? "mean" : "square";
      default: return "";
    }
  }
};

// What one update has in common for all weights.
struct Update {
  Update(const Optimizer& optimizer, double learningRate, double gradientScale, int64_t number)
      : rate(static_cast<float>(learningRate)), scale(static_cast<float>(gradientScale)) {
    if (optimizer.kind != Optimizer::Kind::adam) return;
    const auto t = static_cast<double>(number);
    rate = static_cast<float>(learningRate / (1 - std::pow(optimizer.beta1, t)));
    root = static_cast<float>(1 / std::sqrt(1 - std::pow(optimizer.beta2, t)));
  }

  float rate, scale, root = 1;
};

// `count` weights that lie next to each other, with their gradients and slots.
struct WeightSpan {
  float* weights;
  const float* gradients;
  float* slots[2];
  int64_t count;
  float decay;
};

}  // namespace facenet
