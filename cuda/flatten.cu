#include <limits>

#include "cuda/common/gradient.cuh"
#include "cuda/flatten.cuh"

namespace facenet::cuda {
namespace {

constexpr int kThreads = 256, kBlocksPerSm = 8;

// An element of x and the one of flat that belongs to it.
struct Order {
  int64_t elements;  // of all images
  int pixels, channels;
  bool channelsFirst;
  int64_t stride, flatStride;  // of x and of flat
};

struct Offsets {
  int64_t x, flat;
};
__device__ __forceinline__ Offsets offsetsOf(const Order& o, int64_t index) {
  const int channel = static_cast<int>(index % o.channels);
  const int64_t pixel = index / o.channels, image = pixel / o.pixels;
  const int inImage = static_cast<int>(pixel % o.pixels);
  const int within = o.channelsFirst ? channel * o.pixels + inImage : inImage * o.channels + channel;
  return {pixel * o.stride + channel, image * o.flatStride + within};
}

// Threads follow x, whose channels they so access together.
// Registers: at most 32.
template <class From, class To>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    flattenKernel(const From* x, Order order, To* flat) {
  const int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= order.elements) return;
  const Offsets at = offsetsOf(order, index);
  float number[1];
  unpack(x[at.x], number);
  pack(number, flat[at.flat]);
}

// Registers: at most 32.
template <class From, class To>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    unflattenKernel(const From* flat, Order order, bool add, To* x) {
  const int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= order.elements) return;
  const Offsets at = offsetsOf(order, index);
  float number[1], held[1] = {0.f};
  unpack(flat[at.flat], number);
  if (add) unpack(x[at.x], held);
  number[0] += held[0];
  pack(number, x[at.x]);
}

// A block turns a square of kSide by kSide about in shared memory.
constexpr int kSide = 32, kRows = 8;
struct Square {
  float of[kSide][kSide + 1];
};

// Registers: at most 32.
template <class From, class To>
__global__ void __launch_bounds__(kSide* kRows, kBlocksPerSm)
    transposeKernel(const From* from, int64_t fromStride, int64_t images, int channels, To* to,
                    int64_t toStride) {
  auto& square = shared<Square>();
  const int lane = static_cast<int>(threadIdx.x) % kSide, row = static_cast<int>(threadIdx.x) / kSide;
  const int firstChannel = static_cast<int>(blockIdx.x) * kSide;
  const int64_t firstImage = int64_t{blockIdx.y} * kSide;
  for (int i = row; i < kSide; i += kRows) {
    float number[1] = {0.f};
    if (firstImage + i < images && firstChannel + lane < channels)
      unpack(from[(firstImage + i) * fromStride + firstChannel + lane], number);
    square.of[i][lane] = number[0];
  }
  __syncthreads();
  for (int i = row; i < kSide; i += kRows) {
    const float number[1] = {square.of[lane][i]};
    if (firstChannel + i < channels && firstImage + lane < images)
      pack(number, to[(firstChannel + i) * toStride + firstImage + lane]);
  }
}

Order orderOf(const View& x, bool channelsFirst, const View& flat) {
  FACENET_ASSERT(x.count == flat.count && flat.shape == (Shape{1, 1, x.shape.elements()}));
  FACENET_ASSERT(x.shape.elements() <= std::numeric_limits<int>::max());
  return {x.count * x.shape.elements(),
          static_cast<int>(x.shape.pixels()),
          static_cast<int>(x.shape.channels),
          channelsFirst,
          x.pixelStride,
          flat.pixelStride};
}

unsigned blocksOf(int64_t elements) {
  const int64_t blocks = ceilDivide(elements, kThreads);
  FACENET_ASSERT(blocks <= std::numeric_limits<int>::max());
  return static_cast<unsigned>(blocks);
}

}  // namespace

void flatten(const View& x, bool channelsFirst, const View& flat, cudaStream_t stream) {
  const Order order = orderOf(x, channelsFirst, flat);
  if (order.elements == 0) return;
  withTrainedTypes(x.dtype, flat.dtype, [&]<class From, class To>(TypeOf<From>, TypeOf<To>) {
    launch<flattenKernel<From, To>>(blocksOf(order.elements), kThreads, 0, stream, x.as<const From>(), order,
                                    flat.as<To>());
  });
}

void unflatten(const View& flat, bool channelsFirst, bool add, const View& x, cudaStream_t stream) {
  const Order order = orderOf(x, channelsFirst, flat);
  if (order.elements == 0) return;
  withTrainedTypes(flat.dtype, x.dtype, [&]<class From, class To>(TypeOf<From>, TypeOf<To>) {
    launch<unflattenKernel<From, To>>(blocksOf(order.elements), kThreads, 0, stream, flat.as<const From>(),
                                      order, add, x.as<To>());
  });
}

void transpose(const View& from, const View& to, cudaStream_t stream) {
  const int64_t images = from.count, channels = from.shape.channels;
  FACENET_ASSERT(from.shape.pixels() == 1 && to.shape == (Shape{1, 1, images}) && to.count == channels);
  const auto squares = [](int64_t size) { return static_cast<unsigned>(ceilDivide(size, kSide)); };
  FACENET_ASSERT(squares(images) <= 65535 && channels <= std::numeric_limits<int>::max());
  if (images == 0) return;
  withTrainedTypes(from.dtype, to.dtype, [&]<class From, class To>(TypeOf<From>, TypeOf<To>) {
    launch<transposeKernel<From, To>>(dim3(squares(channels), squares(images)), kSide * kRows, 0, stream,
                                      from.as<const From>(), from.pixelStride, images,
                                      static_cast<int>(channels), to.as<To>(), to.pixelStride);
  });
}

}  // namespace facenet::cuda
