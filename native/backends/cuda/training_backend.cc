#include "native/backends/training_backend.h"

#include <algorithm>
#include <cmath>

#include "native/backends/cuda/backend.h"
#include "native/backends/cuda/embedding_loss_run.h"
#include "native/backends/cuda/executor.h"
#include "native/backends/cuda/image_upload.h"
#include "native/backends/cuda/kernels.h"
#include "native/backends/cuda/optimizer.h"
#include "native/backends/cuda/runtime/device_buffer.h"
#include "native/backends/cuda/runtime/graph.h"
#include "native/backends/cuda/runtime/stream.h"
#include "native/backends/cuda/triplet_step.h"

namespace facenet::cuda {
namespace {

// Of a chunk's activations and gradients where the caller does not say: half of what is free, but no more than
// fills any device with work.
constexpr int64_t kMaxChunkBytes = int64_t{16} << 30;
constexpr int64_t kMaxImages = 256;

class CudaTrainingBackend final : public train::TrainingBackend {
 public:
  CudaTrainingBackend(const Backend& backend, const Device& device, DType dtype, int threads)
      : backend_(backend), device_(device), dtype_(dtype), threads_(threads), upload_(threads) {
    if (dtype == DType::f16)
      throw invalidArgument("dtype", "f32 or bf16: gradients leave the range of f16", dtypeName(dtype));
  }
  ~CudaTrainingBackend() override {
    cudaSetDevice(device_.index);  // what the members hold is this device's
    cudaStreamSynchronize(stream_.get());
  }

  void enter() const override { useDevice(device_); }
  void finish() const override { FACENET_CUDA_CHECK(cudaStreamSynchronize(stream_.get())); }

  void complete(train::TrainingPlanOptions& options) const override {
    options.dtype = dtype_;
    options.channelAlignment = channelAlignment;
    options.maxImages = kMaxImages;
    if (options.memoryBytes > 0) return;
    size_t free = 0, total = 0;
    FACENET_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    options.memoryBytes = std::min(static_cast<int64_t>(free / 2), kMaxChunkBytes);
  }

  std::shared_ptr<void> allocate(int64_t bytes) const override {
    const auto buffer = std::make_shared<DeviceBuffer<char>>(std::max<int64_t>(bytes, 1));
    return {buffer, buffer->data()};
  }
  void zero(void* memory, int64_t bytes) const override {
    FACENET_CUDA_CHECK(cudaMemsetAsync(memory, 0, static_cast<size_t>(bytes), stream_.get()));
  }
  void copy(void* to, const void* from, int64_t bytes) const override {
    FACENET_CUDA_CHECK(
        cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, stream_.get()));
  }
  void upload(void* to, const void* host, int64_t bytes) const override {
    finish();
    copyToDevice(to, host, static_cast<size_t>(bytes));
  }
  void download(void* host, const void* from, int64_t bytes) const override {
    finish();
    FACENET_CUDA_CHECK(cudaMemcpy(host, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost));
  }
  void clear(const View& view, int64_t begin, int64_t end) const override {
    const size_t size = byteSize(view.dtype);
    FACENET_CUDA_CHECK(cudaMemset2DAsync(
        view.as<char>() + begin * static_cast<int64_t>(size), static_cast<size_t>(view.pixelStride) * size, 0,
        static_cast<size_t>(end - begin) * size, static_cast<size_t>(view.count * view.shape.pixels()),
        stream_.get()));
  }
  // Looks for the layer of a failed step, and at embeddings: not worth a kernel.
  bool allFinite(const View& view) const override {
    const int64_t pixels = view.count * view.shape.pixels(), size = byteSize(view.dtype);
    std::vector<char> values(
        static_cast<size_t>(((pixels - 1) * view.pixelStride + view.shape.channels) * size));
    download(values.data(), view.data, static_cast<int64_t>(values.size()));
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int64_t channel = 0; channel < view.shape.channels; ++channel) {
        const char* at = values.data() + (pixel * view.pixelStride + channel) * size;
        if (!std::isfinite(view.dtype == DType::bf16 ? toFloat(*reinterpret_cast<const bf16*>(at))
                                                     : *reinterpret_cast<const float*>(at)))
          return false;
      }
    return true;
  }
  const void* stageImages(const void* images, int64_t bytes) override {
    const void* staged = upload_.stage(images, bytes, stream_);
    const void*& known = staged_[upload_.slot()];
    if (staged != known) graphs_.clear();  // they read a buffer that is gone
    return known = staged;
  }

  std::unique_ptr<TrainKernel> makeKernel(const TrainContext& context) const override {
    return makeCudaTrainKernel(context, device_);
  }
  void setResources(Pass& pass) const override { pass.stream = stream_.get(); }
  void run(Part part, int64_t count, const std::function<void(bool)>& work) override {
    graphs_.run({2 * static_cast<int>(part) + upload_.slot(), count}, stream_.get(), work);
  }

  train::LossReport computeLoss(const train::LossTask& task, float* gradient) override {
    if (task.loss.kind != Loss::Kind::triplet) return embeddingLoss(task, gradient);
    const TripletMining& mining = task.mining;
    if (task.triplets)
      return triplets_.run(task.embeddings, task.count, *task.triplets,
                           {mining.dimensions, mining.margin, 1, mining.cancel}, gradient, stream_.get());
    return triplets_.run(task.embeddings, task.labels, task.count, mining, gradient, stream_.get());
  }

  std::unique_ptr<train::NetworkOptimizer> makeOptimizer(const Optimizer& optimizer,
                                                         const std::vector<train::TrainedWeight>& weights,
                                                         int64_t elements) override {
    return std::make_unique<DeviceOptimizer>(optimizer, weights, elements, stream_.get());
  }

  std::unique_ptr<Executor> makeExecutor(const Graph& graph, const Weights& weights) const override {
    return backend_.makeExecutor(graph, {.dtype = dtype_}, weights, threads_);
  }
  const float* onHost(const float* values, int64_t count, std::vector<float>& room) const override {
    room.resize(static_cast<size_t>(count));
    download(room.data(), values, count * static_cast<int64_t>(sizeof(float)));
    return room.data();
  }

 private:
  train::LossReport embeddingLoss(const train::LossTask& task, float* gradient) {
    float lengths[2];  // of adaFace, which the host moves
    if (task.lengths) download(lengths, task.lengths, sizeof lengths);
    LossBatch batch = train::batchOf(task);
    batch.lengths = lengths;
    const BatchLoss found = loss_.run(task.loss, batch, {gradient, task.classGradients}, stream_.get());
    if (task.lengths) upload(task.lengths, lengths, sizeof lengths);
    return train::reportOf(found);
  }

  const Backend& backend_;
  const Device& device_;
  DType dtype_;
  int threads_;
  Stream stream_;
  ImageUpload upload_;
  const void* staged_[2] = {};
  GraphCache graphs_;
  TripletStep triplets_;
  EmbeddingLossRun loss_;
};

}  // namespace

std::unique_ptr<train::TrainingBackend> CudaBackend::makeTrainingBackend(DType dtype, int threads) const {
  useDevice(device_);
  return std::make_unique<CudaTrainingBackend>(*this, device_, dtype, threads);
}

}  // namespace facenet::cuda
