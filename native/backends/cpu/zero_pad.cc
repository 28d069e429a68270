// Zeros around an image, and behind its channels.
#include <algorithm>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

// One row of `width` pixels of a view, from (y, x, channel) on.
View rowOf(const View& view, int64_t y, int64_t x, int64_t channel, int64_t width, int64_t channels) {
  View row = view;
  row.shape = {1, width, channels};
  row.data = view.as<float>() + (y * view.shape.width + x) * view.pixelStride + channel;
  return row;
}

struct ZeroPadTraining {
  ZeroPad op;
  void forward(const Images& i) const {
    const View &x = i.x[0], &y = i.y[0];
    for (int64_t p = 0; p < y.shape.pixels(); ++p)
      std::fill_n(y.as<float>() + p * y.pixelStride, y.shape.channels, 0.0f);
    for (int64_t row = 0; row < x.shape.height; ++row)
      isa().convert(rowOf(x, row, 0, 0, x.shape.width, x.shape.channels),
                    rowOf(y, row + op.top, op.left, 0, x.shape.width, x.shape.channels));
  }
  void backward(const Images& i) const {
    const View &dx = i.dx[0], &dy = i.dy[0];
    for (int64_t row = 0; row < dx.shape.height; ++row)
      isa().scaled(rowOf(dy, row + op.top, op.left, 0, dx.shape.width, dx.shape.channels), 1,
                   rowOf(dx, row, 0, 0, dx.shape.width, dx.shape.channels), i.accumulate(0));
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const ZeroPad& op, const StepContext&) {
  return lambdaKernel([op = op](Views in, Views out, void*) {
    const Shape& from = in[0].shape;
    const Shape& to = out[0].shape;
    for (int64_t p = 0; p < out[0].count * to.pixels(); ++p) {
      const int64_t n = p / to.pixels(), y = p % to.pixels() / to.width - op.top, x = p % to.width - op.left;
      const bool inside = y >= 0 && y < from.height && x >= 0 && x < from.width;
      View pixel = out[0];
      pixel.data =
          out[0].as<unsigned char>() + p * out[0].pixelStride * static_cast<int64_t>(byteSize(out[0].dtype));
      if (inside) {
        View source = in[0];
        source.data = in[0].as<unsigned char>() + ((n * from.height + y) * from.width + x) *
                                                      in[0].pixelStride *
                                                      static_cast<int64_t>(byteSize(in[0].dtype));
        source.count = pixel.count = 1;
        source.shape = {1, 1, from.channels};
        pixel.shape = source.shape;
        isa().convert(source, pixel);
      }
      for (int64_t c = inside ? from.channels : 0; c < to.channels; ++c) putElement(pixel, c, 0);
    }
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const ZeroPad& op, const TrainContext&) {
  return byImage(ZeroPadTraining{op});
}

}  // namespace facenet::cpu
