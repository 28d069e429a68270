// Rows and columns around an image, and channels behind its own.
#include <algorithm>

#include "native/backends/cpu/images.h"
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"

namespace facenet::cpu {

namespace {

// `width` pixels of a row of an image, the first `channels` of each.
View pixelsOf(const View& image, int64_t y, int64_t x, int64_t width, int64_t channels) {
  View row = image;
  row.shape = {1, width, channels};
  row.data = image.as<unsigned char>() +
             (y * image.shape.width + x) * image.pixelStride * static_cast<int64_t>(byteSize(image.dtype));
  return row;
}

// The channels of a row's pixels from `first` on.
void fill(const View& row, int64_t first, float value) {
  for (int64_t x = 0; x < row.shape.width; ++x)
    for (int64_t c = first; c < row.shape.channels; ++c) putElement(row, x * row.pixelStride + c, value);
}

// copy(from pixels of x, to pixels of y): the image first, then what mirrors it.
template <class Copy>
void eachCopy(const Pad& op, const View& x, const View& y, Copy copy) {
  const int64_t height = x.shape.height, width = x.shape.width, channels = x.shape.channels;
  for (int64_t row = 0; row < height; ++row)
    copy(pixelsOf(x, row, 0, width, channels), pixelsOf(y, row + op.top, op.left, width, channels));
  if (!op.mirrors()) return;
  for (int64_t to = 0; to < y.shape.height; ++to) {
    const int64_t row = op.source(to - op.top, height);
    const bool beside = to >= op.top && to < op.top + height;
    for (int64_t column = 0; column < y.shape.width; ++column) {
      if (beside && column == op.left) column += width;
      if (column == y.shape.width) break;
      copy(pixelsOf(x, row, op.source(column - op.left, width), 1, channels),
           pixelsOf(y, to, column, 1, channels));
    }
  }
}

void padImage(const Pad& op, const View& x, const View& y) {
  const int64_t right = op.left + x.shape.width, width = y.shape.width, channels = y.shape.channels;
  for (int64_t row = 0; row < y.shape.height && !op.mirrors(); ++row) {
    const bool beside = row >= op.top && row < op.top + x.shape.height;
    fill(pixelsOf(y, row, 0, beside ? op.left : width, channels), 0, op.value);
    if (!beside) continue;
    fill(pixelsOf(y, row, op.left, x.shape.width, channels), x.shape.channels, op.value);
    fill(pixelsOf(y, row, right, width - right, channels), 0, op.value);
  }
  eachCopy(op, x, y, [](const View& from, const View& to) { isa().convert(from, to); });
}

struct PadTraining {
  Pad op;
  void forward(const Images& i) const { padImage(op, i.x[0], i.y[0]); }
  void backward(const Images& i) const {
    int64_t rows = 0;  // of the image, which come first
    eachCopy(op, i.dx[0], i.dy[0], [&](const View& dx, const View& dy) {
      isa().scaled(dy, 1, dx, i.accumulate(0) || rows++ >= i.dx[0].shape.height);
    });
  }
};

}  // namespace

std::unique_ptr<Kernel> makeKernel(const Pad& op, const StepContext&) {
  return lambdaKernel([op = op](Views in, Views out, void*) {
    for (int64_t n = 0; n < out[0].count; ++n) padImage(op, image(in[0], n), image(out[0], n));
  });
}

std::unique_ptr<TrainKernel> makeTrainKernel(const Pad& op, const TrainContext&) {
  return byImage(PadTraining{op});
}

}  // namespace facenet::cpu
