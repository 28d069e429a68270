// Times work that no single network shows, on the first GPU: prints one JSON object.
//
//     facenet_bench mining <rows> <dimensions> <rows of a label> <folder>
//     facenet_bench optimizer <weights>
//
// mining: semi-hard selection, loss and gradient of embeddings that are on the device, as a training step has them;
// writes them to x.f32 and labels.i32 of the folder for a peer. optimizer: an update of each kind and the norm.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "native/backends/cuda/optimizer.h"
#include "native/backends/cuda/runtime/stream.h"
#include "native/backends/cuda/triplet_step.h"

namespace {

using facenet::Optimizer;
using facenet::cuda::DeviceBuffer;
using facenet::cuda::Stream;

constexpr int kWarmups = 3, kRepeats = 21;

template <class Run>
double medianSeconds(const Stream& stream, Run run) {
  std::vector<double> seconds;
  for (int i = 0; i < kWarmups + kRepeats; ++i) {
    FACENET_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
    const auto start = std::chrono::steady_clock::now();
    run();
    FACENET_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  seconds.erase(seconds.begin(), seconds.begin() + kWarmups);
  std::ranges::nth_element(seconds, seconds.begin() + kRepeats / 2);
  return seconds[kRepeats / 2];
}

template <class T>
DeviceBuffer<T> onDevice(const std::vector<T>& values) {
  DeviceBuffer<T> buffer(static_cast<int64_t>(values.size()));
  buffer.copyFrom(values.data());
  FACENET_CUDA_CHECK(cudaDeviceSynchronize());
  return buffer;
}

template <class T>
void save(const std::vector<T>& values, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

// Unit rows in clouds around the labels' centres, wide enough to overlap.
std::vector<float> clouds(const std::vector<int32_t>& labels, int64_t dimensions) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> centres(static_cast<size_t>((labels.back() + 1) * dimensions)), x;
  for (float& value : centres) value = normal(random);
  for (const int32_t label : labels) {
    const auto first = x.size();
    double squares = 0;
    for (int64_t k = 0; k < dimensions; ++k) {
      x.push_back(centres[static_cast<size_t>(label * dimensions + k)] + 1.2f * normal(random));
      squares += static_cast<double>(x.back()) * x.back();
    }
    for (size_t i = first; i < x.size(); ++i) x[i] = static_cast<float>(x[i] / std::sqrt(squares));
  }
  return x;
}

void mining(int64_t n, int64_t dimensions, int64_t faces, const std::string& folder) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) labels.push_back(static_cast<int32_t>(i / faces));
  const std::vector<float> values = clouds(labels, dimensions);
  save(values, folder + "/x.f32");
  save(labels, folder + "/labels.i32");
  const auto x = onDevice(values);
  const DeviceBuffer<float> gradient(n * dimensions);
  const Stream stream;
  facenet::cuda::TripletStep step;
  facenet::train::LossReport report;
  const facenet::TripletMining task{dimensions, facenet::TripletMining::Strategy::semiHard, 0.2f};
  const double seconds = medianSeconds(
      stream, [&] { report = step.run(x.data(), labels.data(), n, task, gradient.data(), stream.get()); });
  std::printf(
      R"({"n": %ld, "dimensions": %ld, "seconds": %g, "triplets": %ld, "loss": %.9g, "memoryBytes": %ld})"
      "\n",
      n, dimensions, seconds, report.triplets, report.lossSum, step.memoryBytes());
}

void optimizer(int64_t count) {
  using Kind = Optimizer::Kind;
  const std::pair<const char*, Optimizer> rules[] = {{"sgd", {Kind::sgd}},
                                                     {"momentum", {Kind::momentum}},
                                                     {"adagrad", {Kind::adagrad}},
                                                     {"adam", {.kind = Kind::adam, .epsilon = 1e-8f}}};
  const auto weights = onDevice(std::vector<float>(static_cast<size_t>(count), 0.5f));
  const auto gradients = onDevice(std::vector<float>(static_cast<size_t>(count), 1e-3f));
  const Stream stream;
  std::string kinds;
  double norm = 0;
  for (const auto& [name, rule] : rules) {
    facenet::cuda::DeviceOptimizer optimizer(rule, {{0, count, 0}}, count, stream.get());
    int64_t number = 0;
    const double seconds =
        medianSeconds(stream, [&] { optimizer.update(weights.data(), gradients.data(), 1e-3, 1, ++number); });
    // Weights and slots are read and written, gradients read.
    const auto bytes = static_cast<double>((3 + 2 * rule.slots()) * count) * sizeof(float);
    kinds += facenet::text(kinds.empty() ? "" : ", ", '"', name, R"(": {"seconds": )", seconds,
                           R"(, "bytesPerSecond": )", bytes / seconds, "}");
    norm = medianSeconds(stream, [&] { optimizer.gradientNorm(gradients.data()); });
  }
  const auto bytes = static_cast<double>(count) * sizeof(float);
  std::printf(R"({"weights": %ld, %s, "norm": {"seconds": %g, "bytesPerSecond": %g}})"
              "\n",
              count, kinds.c_str(), norm, bytes / norm);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 5 && arguments[0] == "mining")
      mining(std::stol(arguments[1]), std::stol(arguments[2]), std::stol(arguments[3]), arguments[4]);
    else if (arguments.size() == 2 && arguments[0] == "optimizer")
      optimizer(std::stol(arguments[1]));
    else
      throw std::invalid_argument("facenet_bench mining n dimensions faces folder | optimizer weights");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
