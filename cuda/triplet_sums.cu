#include "cuda/triplet_sums.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256;

// One block.
// Registers: at most 64.
__global__ void __launch_bounds__(kThreads)
    addTripletSumsKernel(const TripletSums* partial, int64_t count, TripletSums* sums) {
  TripletSums own{};
  for (int64_t i = threadIdx.x; i < count; i += kThreads) addTo(own, partial[i]);
  const TripletSums total = sumOfBlock<kThreads>(own);
  if (threadIdx.x == 0) *sums = total;
}

}  // namespace

void addTripletSums(const TripletSums* partial, int64_t count, TripletSums* sums, cudaStream_t stream) {
  launch<addTripletSumsKernel>(1, kThreads, 0, stream, partial, count, sums);
}

}  // namespace facenet::cuda
