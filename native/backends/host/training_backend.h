// Training in host memory, with kernels of the CPU or the reference backend.
#pragma once

#include "native/backends/kernel.h"
#include "native/backends/training_backend.h"

namespace facenet::train {

// What a host backend is made of.
struct HostFunctions {
  TrainKernelFactory kernels;
  KernelFactory inference;
  decltype(&reference::mineTriplets) mine;
  decltype(&reference::tripletLoss) loss;
  Optimize optimize;
};
HostFunctions referenceFunctions();
#ifdef FACENET_ONEDNN
HostFunctions cpuFunctions();
#endif

std::unique_ptr<Backend> makeHostBackend(const HostFunctions& functions, int threads);

}  // namespace facenet::train
