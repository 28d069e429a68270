// The optimisers, one weight at a time.
#include "native/backends/reference/backend.h"

namespace facenet::reference {
namespace {

void adam(const Optimizer& optimizer, const Update& update, float g, float& w, float& m, float& v) {
  m = std::fma(static_cast<float>(1 - optimizer.beta1), g - m, m);
  v = std::fma(static_cast<float>(1 - optimizer.beta2), std::fma(g, g, -v), v);
  w -= update.rate * m / std::fma(std::sqrt(v), update.root, optimizer.epsilon);
}

}  // namespace

void optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span) {
  for (int64_t i = 0; i < span.count; ++i) {
    float& w = span.weights[i];
    const float g = std::fma(span.decay, w, update.scale * span.gradients[i]);
    switch (optimizer.kind) {
      case Optimizer::Kind::sgd: w = std::fma(-update.rate, g, w); break;
      case Optimizer::Kind::momentum:
        span.slots[0][i] = std::fma(optimizer.momentum, span.slots[0][i], g);
        w = std::fma(
            -update.rate,
            optimizer.nesterov ? std::fma(optimizer.momentum, span.slots[0][i], g) : span.slots[0][i], w);
        break;
      case Optimizer::Kind::adagrad:
        span.slots[0][i] = std::fma(g, g, span.slots[0][i]);
        w -= update.rate * g / (std::sqrt(span.slots[0][i]) + optimizer.epsilon);
        break;
      case Optimizer::Kind::adam: adam(optimizer, update, g, w, span.slots[0][i], span.slots[1][i]); break;
    }
  }
}

}  // namespace facenet::reference
