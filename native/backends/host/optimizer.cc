#include "native/backends/host/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace facenet {
namespace {

constexpr int64_t pieceElements = int64_t{1} << 15;

// In eight chains, so that the sum does not wait for itself.
double sumOfSquares(const float* values, int64_t count) {
  double sums[8] = {};
  for (int64_t i = 0; i < count; ++i) {
    const double value = values[i];
    sums[i % 8] += value * value;
  }
  return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

}  // namespace

HostOptimizer::HostOptimizer(const Optimizer& optimizer, const std::vector<train::TrainedWeight>& weights,
                             int64_t elements, const HostBackend& backend, ThreadPool& threads)
    : optimizer_(optimizer), elements_(elements), backend_(backend), threads_(threads) {
  for (const train::TrainedWeight& weight : weights)
    for (int64_t done = 0; done < weight.count; done += pieceElements)
      pieces_.push_back({weight.offset + done, std::min(pieceElements, weight.count - done), weight.decay});
  const float initial = optimizer.kind == Optimizer::Kind::adagrad ? optimizer.initialAccumulator : 0;
  for (int i = 0; i < optimizer.slots(); ++i) {
    slots_[i] = alignedArray<float>(elements);
    std::fill_n(slots_[i].get(), elements, initial);
  }
}

double HostOptimizer::gradientNorm(const float* gradients) {
  std::vector<double> sums(pieces_.size());
  threads_.run(static_cast<int64_t>(pieces_.size()), [&](int64_t i, int) {
    const train::TrainedWeight& piece = pieces_[static_cast<size_t>(i)];
    sums[static_cast<size_t>(i)] = sumOfSquares(gradients + piece.offset, piece.count);
  });
  return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

void HostOptimizer::update(float* parameters, const float* gradients, double learningRate,
                           double gradientScale, int64_t number) {
  const Update update(optimizer_, learningRate, gradientScale, number);
  threads_.run(static_cast<int64_t>(pieces_.size()), [&](int64_t i, int) {
    const train::TrainedWeight& piece = pieces_[static_cast<size_t>(i)];
    const auto slotAt = [&](int s) { return slots_[s] ? slots_[s].get() + piece.offset : nullptr; };
    backend_.optimize(optimizer_, update,
                      {parameters + piece.offset,
                       gradients + piece.offset,
                       {slotAt(0), slotAt(1)},
                       piece.count,
                       piece.decay});
  });
}

}  // namespace facenet
