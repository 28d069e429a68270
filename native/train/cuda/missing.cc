// Makers that are not there yet.
#include "train/cuda/kernels.h"

namespace facenet::train::cuda {
namespace {

[[noreturn]] void missing(const TrainContext& context) {
  throw Error("ERR_FACENET_CUDA_UNAVAILABLE", "Layer " + context.step.name + " cannot be trained on CUDA yet",
              "device");
}

}  // namespace

#define FACENET_MISSING(name)                                                                     \
  __attribute__((weak)) std::unique_ptr<TrainKernel> name(const TrainContext& c, const Device&) { \
    missing(c);                                                                                   \
  }
FACENET_MISSING(makeConv2d)
FACENET_MISSING(makeFullyConnected)
FACENET_MISSING(makeNorm)
FACENET_MISSING(makeActivation)
FACENET_MISSING(makePool)
FACENET_MISSING(makeLrn)
FACENET_MISSING(makeMaxout)
FACENET_MISSING(makeConcat)
FACENET_MISSING(makeAdd)
FACENET_MISSING(makeZeroPad)
FACENET_MISSING(makeUpsample)
FACENET_MISSING(makeL2Normalize)
FACENET_MISSING(makePreprocess)

}  // namespace facenet::train::cuda
