// The host's CUDA runtime: when streams do their work, what graphs replay, what is refused.
#include <numeric>

#include "cuda/l2_normalize.cuh"
#include "native/backends/cuda/runtime/graph.h"
#include "native/backends/cuda/runtime/pinned_buffer.h"
#include "native/backends/cuda/runtime/stream.h"
#include "test/kernels/test.h"

namespace emulator::tests {
namespace {

using facenet::cuda::DeviceBuffer;
using facenet::cuda::Event;
using facenet::cuda::GraphCache;
using facenet::cuda::PinnedBuffer;
using facenet::cuda::Stream;

constexpr size_t kBytes = 64;

struct Copy {
  PinnedBuffer from{kBytes}, to{kBytes};
  DeviceBuffer<unsigned char> device{kBytes};
  Stream upload, download;
  Event uploaded, downloaded;

  // Copies `value` there and back on two streams. What is left out is a mistake.
  void run(unsigned char value, bool ordered = true) {
    std::fill_n(from.data(), kBytes, value);
    FACENET_CUDA_CHECK(
        cudaMemcpyAsync(device.data(), from.data(), kBytes, cudaMemcpyHostToDevice, upload.get()));
    upload.record(uploaded);
    if (ordered) download.waitFor(uploaded);
    FACENET_CUDA_CHECK(
        cudaMemcpyAsync(to.data(), device.data(), kBytes, cudaMemcpyDeviceToHost, download.get()));
    download.record(downloaded);
  }
};

TEST("work on a stream is done when somebody waits for it, in every order") {
  inEveryOrder([] {
    Copy copy;
    copy.run(7);
    copy.downloaded.wait();
    expect(copy.to.data()[0] == 7 && copy.to.data()[kBytes - 1] == 7, int{copy.to.data()[0]});
  });
}

TEST("a result that nobody waited for is not there yet") {
  Copy copy;
  copy.run(7);
  expect(copy.to.data()[0] == 0xff, int{copy.to.data()[0]});
}

TEST("a stream that does not wait for another reads what was there before") {
  Copy copy;
  copy.run(7, false);
  copy.downloaded.wait();
  expect(copy.to.data()[0] == 0xff, int{copy.to.data()[0]});
}

TEST("pinned memory that is written again too early spoils what is on its way") {
  Copy copy;
  copy.run(7);
  std::fill_n(copy.from.data(), kBytes, static_cast<unsigned char>(8));
  copy.downloaded.wait();
  expect(copy.to.data()[0] == 8, int{copy.to.data()[0]});
}

TEST("an asynchronous copy of memory that is not pinned is refused") {
  const Stream stream;
  const DeviceBuffer<float> device(4);
  const std::vector<float> values(4);
  expectReport(
      [&] {
        FACENET_CUDA_CHECK(
            cudaMemcpyAsync(device.data(), values.data(), 16, cudaMemcpyHostToDevice, stream.get()));
      },
      {"not pinned"});
}

void clearOn(DeviceBuffer<float>& x, const Stream& stream) {
  FACENET_CUDA_CHECK(cudaMemsetAsync(x.data(), 0, x.bytes(), stream.get()));
}

TEST("a graph replays what was captured, as often as it is launched") {
  Stream stream;
  const Event done;
  GraphCache graphs;
  auto x = onDevice(std::vector<float>{1, 2, 3, 4});
  int plain = 0, captured = 0;
  for (int round = 0; round < 4; ++round) {
    x.copyFrom(std::vector<float>{1, 2, 3, 4}.data());
    graphs.run({0, 1}, stream.get(), [&](bool capturing) {
      ++(capturing ? captured : plain);
      clearOn(x, stream);
    });
    stream.record(done);
    done.wait();
    for (const float value : onHost(x)) expect(value == 0, "round ", round, ": ", value);
  }
  expect(plain == 1 && captured == 1, plain, " plain, ", captured, " captured");
}

TEST("what spoils a capture leaves plain launches") {
  Stream stream;
  GraphCache graphs;
  auto x = onDevice(std::vector<float>(4));
  int plain = 0;
  for (int round = 0; round < 3; ++round)
    graphs.run({0, 1}, stream.get(), [&](bool capturing) {
      plain += !capturing;
      const DeviceBuffer<float> allocated(4);
      clearOn(x, stream);
    });
  expect(plain == 3, plain);
  FACENET_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
}

TEST("where a device captures nothing launches stay plain") {
  options().graphs = false;
  Stream stream;
  GraphCache graphs;
  auto x = onDevice(std::vector<float>(4));
  int plain = 0;
  for (int round = 0; round < 3; ++round)
    graphs.run({0, 1}, stream.get(), [&](bool) {
      ++plain;
      clearOn(x, stream);
    });
  expect(plain == 3, plain);
}

TEST("memory of one device is not another's") {
  options().devices = {{9, 0}, {9, 0}};
  auto x = onDevice(std::vector<float>(128, 1));
  FACENET_CUDA_CHECK(cudaSetDevice(1));
  expectReport([&] { facenet::cuda::l2NormalizeRows(x.data(), 1, 128, 1e-6f, x.data(), nullptr); },
               {"memory of device 0 used on device 1"});
  FACENET_CUDA_CHECK(cudaSetDevice(0));
}

}  // namespace
}  // namespace emulator::tests
