// What ops/triplet_mining.h and ops/triplet_loss.h compute, on a CUDA device and of host memory. The embeddings have to
// fit on the device, with a few values per triplet for the loss; mining goes over the anchors in pieces. Throws
// ERR_FACENET_CUDA_UNAVAILABLE where the device is lost, ERR_FACENET_CUDA_OOM.
#pragma once

#include "native/backends/cuda/runtime/device.h"
#include "native/ops/triplet_loss.h"

namespace facenet::cuda {

Triplets mineHostTriplets(const Device& device, const float* x, const int32_t* labels, int64_t n,
                          const TripletMining& mining);

LossValue tripletHostLoss(const Device& device, const float* x, int64_t n, const TripletsView& triplets,
                          const TripletLoss& loss, float* gradient);

}  // namespace facenet::cuda
