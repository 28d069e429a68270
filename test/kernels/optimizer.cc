#include "native/backends/cuda/optimizer.h"

#include <cmath>
#include <cstring>

#include "native/backends/cuda/runtime/stream.h"
#include "native/backends/reference/backend.h"
#include "test.h"

namespace emulator::tests {
namespace {

using facenet::Optimizer;
using facenet::Update;
using facenet::cuda::DeviceOptimizer;
using facenet::train::TrainedWeight;
using Kind = Optimizer::Kind;

struct Rule {
  const char* name;
  Optimizer optimizer;
};
const Rule kRules[] = {
    {"sgd", {Kind::sgd}},
    {"momentum", {Kind::momentum, 0.8f}},
    {"nesterov", {Kind::momentum, 0.9f, true}},
    {"adagrad", {Kind::adagrad}},
    {"adam", {.kind = Kind::adam, .epsilon = 1e-8f}},
};

// Counts that are no multiples of anything, a weight of more than one chunk, gaps that are not trained.
const std::vector<TrainedWeight> kWeights = {{0, 1, 0},        {16, 3, 0.1f},       {32, 64, 0},
                                             {112, 31, 1e-4f}, {160, 20001, 5e-4f}, {20176, 8192, 0}};
constexpr int64_t kElements = 28400;

// Of all sizes, with zeros.
std::vector<float> gradientsOf(unsigned seed) {
  std::vector<float> values = randomValues(kElements, seed);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i % 7 == 3 ? 0.f : std::ldexp(values[i], static_cast<int>(i % 60) - 40);
  return values;
}

void expectBits(const std::vector<float>& found, const std::vector<float>& expected,
                const std::string& what) {
  for (size_t i = 0; i < expected.size(); ++i)
    expect(std::memcmp(&found[i], &expected[i], sizeof(float)) == 0, what, ": element ", i, " is ", found[i],
           ", not ", expected[i]);
}

void check(const Rule& rule, int updates) {
  const facenet::cuda::Stream stream;
  const Optimizer& optimizer = rule.optimizer;
  DeviceOptimizer device(optimizer, kWeights, kElements, stream.get());
  std::vector<float> weights = randomValues(kElements, 1);
  const auto onGpu = onDevice(weights);
  const float initial = optimizer.kind == Kind::adagrad ? optimizer.initialAccumulator : 0.f;
  std::vector<std::vector<float>> slots(2, std::vector<float>(kElements, initial));
  for (int number = 1; number <= updates; ++number) {
    const auto gradients = gradientsOf(static_cast<unsigned>(number));
    const auto from = onDevice(gradients);
    const double rate = 0.05 / number, scale = number == 2 ? 0.3 : 1;
    device.update(onGpu.data(), from.data(), rate, scale, number);
    for (const TrainedWeight& weight : kWeights) {
      const auto at = [&](auto& values) { return values.data() + weight.offset; };
      facenet::reference::optimize(
          optimizer, Update(optimizer, rate, scale, number),
          {at(weights), at(gradients), {at(slots[0]), at(slots[1])}, weight.count, weight.decay});
    }
    FACENET_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  }
  expectBits(onHost(onGpu), weights, rule.name);
  for (int i = 0; i < optimizer.slots(); ++i) {
    std::vector<float> slot(kElements);
    FACENET_CUDA_CHECK(
        cudaMemcpy(slot.data(), device.slot(i), kElements * sizeof(float), cudaMemcpyDeviceToHost));
    expectBits(slot, slots[static_cast<size_t>(i)], facenet::text(rule.name, ", slot ", i));
  }
}

TEST("optimisers give the reference's bits, in every order") {
  inEveryOrder([] {
    for (const Rule& rule : kRules) check(rule, 3);
  });
}

TEST("the norm of a gradient is that of the weights that are trained, the same bits in every order") {
  const auto gradients = gradientsOf(9);
  double squares = 0;
  for (const TrainedWeight& weight : kWeights)
    for (int64_t i = weight.offset; i < weight.offset + weight.count; ++i)
      squares += static_cast<double>(gradients[static_cast<size_t>(i)]) * gradients[static_cast<size_t>(i)];
  std::vector<double> norms;
  inEveryOrder([&] {
    const auto from = onDevice(gradients);
    DeviceOptimizer device({}, kWeights, kElements, nullptr);
    norms.push_back(device.gradientNorm(from.data()));
  });
  expect(std::abs(norms[0] - std::sqrt(squares)) <= 1e-13 * norms[0], norms[0], " is not ",
         std::sqrt(squares));
  for (const double norm : norms) expect(norm == norms[0], norm, " is not ", norms[0]);

  std::vector<float> broken = gradients;
  broken[20] = NAN;
  expect(
      std::isfinite(DeviceOptimizer({}, kWeights, kElements, nullptr).gradientNorm(onDevice(broken).data())),
      "what is not trained counts");
  broken[17] = NAN;
  expect(std::isnan(DeviceOptimizer({}, kWeights, kElements, nullptr).gradientNorm(onDevice(broken).data())),
         "NaN is not noticed");
  expect(DeviceOptimizer({}, {}, 0, nullptr).gradientNorm(nullptr) == 0, "a norm of nothing");
}

TEST("an update reads and writes each value once, 16 bytes at a time") {
  constexpr int64_t kCount = 1 << 15;
  const auto gradients = onDevice(randomValues(kCount, 1)), weights = onDevice(randomValues(kCount, 2));
  for (const Rule& rule : kRules) {
    DeviceOptimizer device(rule.optimizer, {{0, kCount, 0}}, kCount, nullptr);
    const Counters c = count([&] { device.update(weights.data(), gradients.data(), 0.1, 1, 1); });
    const int64_t slots = rule.optimizer.slots(), read = (2 + slots) * kCount * 4,
                  written = (1 + slots) * kCount * 4;
    // The chunks come to every thread.
    const int64_t chunks = kCount / 8192 * 256 * 16;
    expect(c.globalBytesRead == read + chunks, rule.name, ": ", c.globalBytesRead, " read of ", read);
    expect(c.globalBytesWritten == written, rule.name, ": ", c.globalBytesWritten, " written of ", written);
    expect(c.globalSectors == c.globalSectorsIdeal, rule.name, ": ", c.globalSectors, " sectors of ",
           c.globalSectorsIdeal);
  }
}

}  // namespace
}  // namespace emulator::tests
