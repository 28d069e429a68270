#include "cuda/embedding_loss.cuh"
#include "cuda/loss_row.cuh"

namespace facenet::cuda {
namespace {

constexpr int kWarps = kLossThreads / kWarpSize;
constexpr double kLeastLength = 1e-12;

// One warp per row.
// Registers: at most 40.
__global__ void __launch_bounds__(kLossThreads)
    unitRowsKernel(const float* rows, int64_t count, int64_t dimensions, float* units, double* lengths) {
  const int64_t row = int64_t{blockIdx.x} * kWarps + warpOf();
  if (row >= count) return;
  const float* from = rows + row * dimensions;
  double squares = 0;
  for (int64_t k = laneOf(); k < dimensions; k += kWarpSize)
    squares += static_cast<double>(from[k]) * from[k];
  const double length = sqrt(warpSum(squares));
  const auto factor = static_cast<float>(1 / fmax(length, kLeastLength));
  for (int64_t k = laneOf(); k < dimensions; k += kWarpSize) units[row * dimensions + k] = from[k] * factor;
  if (laneOf() == 0) lengths[row] = length;
}

// One warp per row.
// Registers: at most 48.
__global__ void __launch_bounds__(kLossThreads)
    unitRowsGradientKernel(const float* units, const double* lengths, const float* derivatives,
                           const DeviceRowLoss* results, int64_t count, int64_t dimensions, float* gradient) {
  const int64_t row = int64_t{blockIdx.x} * kWarps + warpOf();
  if (row >= count) return;
  const float *u = units + row * dimensions, *d = derivatives + row * dimensions;
  double along = 0;
  for (int64_t k = laneOf(); k < dimensions; k += kWarpSize) along += static_cast<double>(d[k]) * u[k];
  along = warpSum(along);
  const double length = fmax(lengths[row], kLeastLength);
  const auto factor = static_cast<float>(1 / length);
  const auto back = static_cast<float>((results ? results[row].lengthGradient : 0) - along / length);
  for (int64_t k = laneOf(); k < dimensions; k += kWarpSize)
    gradient[row * dimensions + k] = d[k] * factor + back * u[k];
}

// Losses of class weights. One block per row of the batch.
// Registers: at most 64.
__global__ void __launch_bounds__(kLossThreads, 4) classRowsKernel(Loss loss, LossRows rows) {
  const LossRow row(rows);
  const RowOverview seen = row.overview();
  const int64_t own = row.label();
  const double length = rows.lengths[row.index], ownSimilarity = row.s[own];
  Margined& target = shared<Margined>();
  if (threadIdx.x == 0)
    target = margined(loss, ownSimilarity, rows.qualities ? rows.qualities[row.index] : 0);
  __syncthreads();
  const bool scaled = loss.kind == Loss::Kind::sphereFace, ada = loss.kind == Loss::Kind::adaFace;
  const auto factor = static_cast<float>(scaled ? loss.scale * length : loss.scale);
  const auto most = static_cast<float>(1 - 1e-3);
  const auto clamped = [&](float value) { return ada ? fminf(fmaxf(value, -most), most) : value; };
  const float ownLogit = factor * static_cast<float>(target.value);
  const bool others = seen.largestNegative > -INFINITY;
  const float top = others ? fmaxf(ownLogit, factor * clamped(seen.largestNegative)) : ownLogit;

  double sum = 0;
  row.forColumns([&](int64_t c) {
    if (c != own) sum += expf(factor * clamped(row.s[c]) - top);
  });
  const double ownTerm = exp(static_cast<double>(ownLogit - top));
  sum = rowSum(sum) + ownTerm;
  const float weight = static_cast<float>(rows.share / sum) * factor;
  double lengthSum = 0;
  row.forColumns([&](int64_t c) {
    if (c == own) return;
    const float value = clamped(row.s[c]), term = weight * expf(factor * value - top);
    lengthSum += static_cast<double>(term) * value;
    row.s[c] = value == row.s[c] ? term : 0;
  });
  lengthSum = rowSum(lengthSum);
  if (threadIdx.x != 0) return;
  DeviceRowLoss result = resultOf(seen);
  const double ownGradient = rows.share * (ownTerm / sum - 1) * static_cast<double>(factor);
  row.s[own] = static_cast<float>(ownGradient * target.slope);
  result.loss = rows.share * (log(sum) + static_cast<double>(top - ownLogit));
  result.active = seen.largestNegative >= static_cast<float>(ownSimilarity);
  if (scaled) result.lengthGradient = (lengthSum + ownGradient * target.value) / fmax(length, kLeastLength);
  rows.results[row.index] = result;
}

// One block per row of the batch.
// Registers: at most 64.
__global__ void __launch_bounds__(kLossThreads, 4) ntXentRowsKernel(Loss loss, LossRows rows) {
  const LossRow row(rows);
  const RowOverview seen = row.overview();
  DeviceRowLoss result = resultOf(seen);
  if (seen.positives == 0 || seen.largestNegative == -INFINITY) {
    row.forColumns([&](int64_t j) { row.s[j] = 0; });
    if (threadIdx.x == 0) rows.results[row.index] = result;
    return;
  }
  const auto sharpness = static_cast<float>(1 / loss.temperature);
  const float top = seen.largestNegative * sharpness;
  double sum = 0;  // over negatives
  row.forColumns([&](int64_t j) {
    if (row.negative(j)) sum += expf(sharpness * row.s[j] - top);
  });
  sum = rowSum(sum);
  const double negatives = top + log(sum);
  double lost = 0, missed = 0;  // missed: over positives, the share that the negatives have of the sum
  row.forColumns([&](int64_t j) {
    if (!row.positive(j)) return;
    const double over = negatives - static_cast<double>(sharpness) * row.s[j];
    lost += over > 0 ? over + log1p(exp(-over)) : log1p(exp(over));
    const double miss = 1 / (1 + exp(-over));
    missed += miss;
    row.s[j] = static_cast<float>(-rows.share * miss) * sharpness;
  });
  lost = rowSum(lost);
  missed = rowSum(missed);
  const float weight = static_cast<float>(rows.share * missed / sum) * sharpness;
  row.forColumns([&](int64_t j) {
    if (row.negative(j))
      row.s[j] = weight * expf(sharpness * row.s[j] - top);
    else if (!row.positive(j))
      row.s[j] = 0;
  });
  if (threadIdx.x != 0) return;
  result.loss = rows.share * lost;
  result.active = 1;
  rows.results[row.index] = result;
}

// multiSimilarity, a block per row of the batch, and proxyAnchor, a block per class: log(1 + sum of exp(v)) over positives, and
// over negatives.
// Registers: at most 64.
__global__ void __launch_bounds__(kLossThreads, 4) logSumRowsKernel(Loss loss, LossRows rows) {
  const bool mines = loss.kind == Loss::Kind::multiSimilarity;
  const LossRow row(rows);
  const RowOverview seen = row.overview();
  const double alpha = loss.alpha, beta = mines ? loss.beta : loss.alpha;
  const double nearBase = mines ? loss.base : loss.margin, farBase = mines ? loss.base : -loss.margin;
  const auto near = [&](double s) { return -alpha * (s - nearBase); };
  const auto far = [&](double s) { return beta * (s - farBase); };
  const auto takesPositive = [&](double s) { return !mines || s - loss.epsilon < seen.largestNegative; };
  const auto takesNegative = [&](double s) { return !mines || s + loss.epsilon > seen.leastPositive; };
  // The one of each kind that is taken if any is has the largest v.
  const bool anyPositive = seen.positives > 0 && takesPositive(seen.leastPositive);
  const bool anyNegative = seen.largestNegative > -INFINITY && takesNegative(seen.largestNegative);
  const double positiveTop = anyPositive ? fmax(near(seen.leastPositive), 0.0) : 0;
  const double negativeTop = anyNegative ? fmax(far(seen.largestNegative), 0.0) : 0;
  double positiveSum = 0, negativeSum = 0;
  row.forColumns([&](int64_t j) {
    const double s = row.s[j];
    if (row.positive(j) && takesPositive(s)) positiveSum += exp(near(s) - positiveTop);
    if (row.negative(j) && takesNegative(s)) negativeSum += exp(far(s) - negativeTop);
  });
  positiveSum = rowSum(positiveSum) + exp(-positiveTop);
  negativeSum = rowSum(negativeSum) + exp(-negativeTop);
  const double positiveShare = mines ? rows.share : rows.positiveShare * alpha;
  const double negativeShare = mines ? rows.share : rows.negativeShare * beta;
  row.forColumns([&](int64_t j) {
    const double s = row.s[j];
    double derivative = 0;
    if (row.positive(j) && takesPositive(s))
      derivative = -positiveShare * exp(near(s) - positiveTop) / positiveSum;
    else if (row.negative(j) && takesNegative(s))
      derivative = negativeShare * exp(far(s) - negativeTop) / negativeSum;
    row.s[j] = static_cast<float>(derivative);
  });
  if (threadIdx.x != 0) return;
  DeviceRowLoss result = resultOf(seen);
  const double positiveLoss = positiveTop + log(positiveSum), negativeLoss = negativeTop + log(negativeSum);
  if (mines) {
    result.active = anyPositive || anyNegative;
    if (result.active) result.loss = rows.share * (positiveLoss / alpha + negativeLoss / beta);
  } else {
    if (seen.positives > 0) result.loss += rows.positiveShare * positiveLoss;
    result.loss += rows.negativeShare * negativeLoss;
  }
  rows.results[row.index] = result;
}

}  // namespace

void unitRows(const float* rows, int64_t count, int64_t dimensions, float* units, double* lengths,
              cudaStream_t stream) {
  if (count == 0) return;
  launch<unitRowsKernel>(blocksOf(count, kWarps), kLossThreads, 0, stream, rows, count, dimensions, units,
                         lengths);
}

void lossRows(const Loss& loss, const LossRows& rows, cudaStream_t stream) {
  if (rows.count == 0) return;
  const unsigned blocks = blocksOf(rows.count, 1);
  switch (loss.kind) {
    case Loss::Kind::ntXent: return launch<ntXentRowsKernel>(blocks, kLossThreads, 0, stream, loss, rows);
    case Loss::Kind::multiSimilarity:
    case Loss::Kind::proxyAnchor:
      return launch<logSumRowsKernel>(blocks, kLossThreads, 0, stream, loss, rows);
    default: return launch<classRowsKernel>(blocks, kLossThreads, 0, stream, loss, rows);
  }
}

void unitRowsGradient(const float* units, const double* lengths, const float* derivatives,
                      const DeviceRowLoss* results, int64_t count, int64_t dimensions, float* gradient,
                      cudaStream_t stream) {
  if (count == 0) return;
  launch<unitRowsGradientKernel>(blocksOf(count, kWarps), kLossThreads, 0, stream, units, lengths,
                                 derivatives, results, count, dimensions, gradient);
}

}  // namespace facenet::cuda
