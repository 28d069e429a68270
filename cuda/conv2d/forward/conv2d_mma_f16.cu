#include "cuda/conv2d/forward/mma_instances.cuh"

namespace facenet::cuda {

void launchMmaF16(const MmaArguments& arguments, const ConvTile& tile, PixelSource source,
                  cudaStream_t stream) {
  launchMmaOf<f16>(arguments, tile, source, stream);
}

}  // namespace facenet::cuda
