#include "native/backends/cuda/backend.h"

#include "native/backends/cuda/embedding_loss_run.h"
#include "native/backends/cuda/executor.h"
#include "native/backends/cuda/triplets.h"

namespace facenet::cuda {

std::unique_ptr<Executor> CudaBackend::makeExecutor(const Graph& graph, PlanOptions options,
                                                    const Weights& weights, int threads) const {
  options.channelAlignment = channelAlignment;
  options.fuseStem = options.fuse;
  useDevice(device_);  // before the executor's streams are made, which belong to the current device
  return std::make_unique<CudaExecutor>(makePlan(graph, options), weights, device_, threads);
}

Triplets CudaBackend::mineTriplets(const float* x, const int32_t* labels, int64_t n,
                                   const TripletMining& mining) const {
  return mineHostTriplets(device_, x, labels, n, mining);
}

LossValue CudaBackend::tripletLoss(const float* x, int64_t n, const TripletsView& triplets,
                                   const TripletLoss& loss, float* gradient) const {
  return tripletHostLoss(device_, x, n, triplets, loss, gradient);
}

BatchLoss CudaBackend::embeddingLoss(const Loss& loss, const LossBatch& batch,
                                     const LossGradients& gradients) const {
  useDevice(device_);
  batch.throwIfCancelled();
  const int64_t elements = batch.n * batch.dimensions;
  const int64_t classElements = loss.hasClasses() ? loss.numClasses * batch.dimensions : 0;
  DeviceBuffer<float> x(elements), gradient(elements), classes(classElements), classGradient(classElements);
  x.copyFrom(batch.x);
  classes.copyFrom(batch.classes);
  LossBatch onDevice = batch;
  onDevice.x = x.data();
  onDevice.classes = classes.data();
  const BatchLoss found =
      EmbeddingLossRun().run(loss, onDevice, {gradient.data(), classGradient.data()}, nullptr);
  gradient.copyTo(gradients.x);
  classGradient.copyTo(gradients.classes);
  return found;
}

void CudaBackend::cluster(const ClusterTask&, int32_t*) const {
  throw Error(ErrorCode::cudaUnavailable,
              "Agglomerative clustering cannot run on CUDA: use device 'auto' or 'cpu'", "device");
}

void CudaBackend::clusterByDensity(const ClusterTask&, int32_t*) const {
  throw Error(ErrorCode::cudaUnavailable, "DBSCAN cannot run on CUDA: use device 'auto' or 'cpu'", "device");
}

void CudaBackend::warpRows(const Warp&, int64_t, int64_t) const {
  throw Error(ErrorCode::cudaUnavailable, "Images cannot be cropped on CUDA: use device 'cpu'", "device");
}

const Backend& backendOf(int deviceIndex) {
  static const std::vector<CudaBackend> backends(queryStatus().found.begin(), queryStatus().found.end());
  return backends[static_cast<size_t>(requireDevice(deviceIndex).index)];
}

CudaInfo info() {
  const Status& status = queryStatus();
  CudaInfo result{status.runtimeVersion, status.driverVersion, FACENET_CUDA_ARCHITECTURES, {}, status.reason};
  for (const Device& device : status.devices)
    result.devices.push_back(
        {device.index, device.name, text(device.major, ".", device.minor), device.memoryBytes});
  return result;
}

}  // namespace facenet::cuda
