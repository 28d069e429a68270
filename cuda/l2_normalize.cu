#include "cuda/common/channels.cuh"
#include "cuda/common/image_teams.cuh"
#include "cuda/l2_normalize.cuh"

namespace facenet::cuda {
namespace {

template <int N>
__device__ __forceinline__ float squares(const float (&numbers)[N], int valid) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < N; ++i) sum = i < valid ? fmaf(numbers[i], numbers[i], sum) : sum;
  return sum;
}

// A warp (WholeBlock: a block) an image, in strides over the grid. Each thread writes what only it has read,
// so y may be x.
// Registers: at most 64.
template <class In, class Out, int N, bool WholeBlock>
__global__ void __launch_bounds__(kTeamThreads, 4)
    l2NormalizeKernel(const In* x, int64_t xImage, int64_t xStride, Out* y, int64_t yImage, int64_t yStride,
                      int64_t count, ImagePacks image, float epsilon) {
  constexpr int kTeam = WholeBlock ? kTeamThreads : kTeamLanes;
  constexpr int kTeams = kTeamThreads / kTeam;
  const int member = threadIdx.x % kTeam, team = threadIdx.x / kTeam;
  for (int64_t n = int64_t{blockIdx.x} * kTeams + team; n < count; n += int64_t{gridDim.x} * kTeams) {
    const In* from = x + n * xImage;
    Out* to = y + n * yImage;
    Pack<In, N> held[kHeld];
#pragma unroll
    for (int h = 0; h < kHeld; ++h) {
      const int64_t index = member + h * kTeam;
      if (index < image.packs) held[h] = loadPack<N>(from + PackPlace<N>(image, index, xStride).offset);
    }
    float sum = 0, numbers[N];
#pragma unroll
    for (int h = 0; h < kHeld; ++h) {
      const int64_t index = member + h * kTeam;
      if (index >= image.packs) break;
      unpack(held[h], numbers);
      sum += squares(numbers, PackPlace<N>(image, index, xStride).valid);
    }
    for (int64_t index = member + kHeld * kTeam; index < image.packs; index += kTeam) {
      const PackPlace<N> place(image, index, xStride);
      unpack(loadPack<N>(from + place.offset), numbers);
      sum += squares(numbers, place.valid);
    }
    sum = WholeBlock ? blockSum(sum) : warpSum(sum);
    const float norm = fmaxf(sqrtf(sum), epsilon);
    const auto put = [&](const Pack<In, N>& pack, int64_t index) {
      const PackPlace<N> place(image, index, yStride);
      unpack(pack, numbers);
#pragma unroll
      for (float& number : numbers) number /= norm;
      storeNumbers(numbers, place.valid, to + place.offset);
    };
#pragma unroll
    for (int h = 0; h < kHeld; ++h)
      if (member + h * kTeam < image.packs) put(held[h], member + h * kTeam);
    for (int64_t index = member + kHeld * kTeam; index < image.packs; index += kTeam)
      put(loadPack<N>(from + PackPlace<N>(image, index, xStride).offset), index);
  }
}

template <class In, class Out, int N>
void launchOn(float epsilon, const View& x, const View& y, cudaStream_t stream) {
  const TeamLaunch<N> team(x);
  const auto run = [&]<bool WholeBlock>(std::bool_constant<WholeBlock>) {
    launch<l2NormalizeKernel<In, Out, N, WholeBlock>>(
        team.blocks, kTeamThreads, 0, stream, x.as<const In>(), x.imageStride(), x.pixelStride, y.as<Out>(),
        y.imageStride(), y.pixelStride, x.count, team.image, epsilon);
  };
  team.wholeBlock ? run(std::true_type()) : run(std::false_type());
}

}  // namespace

void l2Normalize(float epsilon, const View& x, const View& y, cudaStream_t stream) {
  FACENET_ASSERT(x.count == y.count && x.shape == y.shape && epsilon >= 0);
  const int64_t elements = x.shape.elements();
  if (x.count * elements == 0) return;
  if (x.dense() && y.dense() && x.shape.pixels() > 1) {
    const Shape row{1, 1, elements};
    return l2Normalize(epsilon, {x.data, x.dtype, x.count, row, elements},
                       {y.data, y.dtype, y.count, row, elements}, stream);
  }
  withTypes(x.dtype, y.dtype, [&]<class In, class Out>(TypeOf<In>, TypeOf<Out>) {
    constexpr int kWide = kPackedChannels<In, Out>;
    withWidth<kWide>(packs<In, kWide>(x) && packs<Out, kWide>(y),
                     [&]<int N>(Width<N>) { launchOn<In, Out, N>(epsilon, x, y, stream); });
  });
}

void l2NormalizeRows(const float* x, int64_t rows, int64_t dimensions, float epsilon, float* y,
                     cudaStream_t stream) {
  FACENET_ASSERT(rows >= 0 && dimensions > 0);
  const Shape row{1, 1, dimensions};
  l2Normalize(epsilon, {const_cast<float*>(x), DType::f32, rows, row, dimensions},
              {y, DType::f32, rows, row, dimensions}, stream);
}

}  // namespace facenet::cuda
