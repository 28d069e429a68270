// Every pixel factor x factor times.
#include "native/backends/cpu/kernels.h"
#include "native/backends/cpu/lambda_kernel.h"
#include "native/backends/reference/backend.h"

namespace facenet::cpu {

std::unique_ptr<Kernel> makeKernel(const Upsample& op, const StepContext&) {
  return lambdaKernel([factor = op.factor](Views in, Views out, void*) {
    const Shape& to = out[0].shape;
    for (int64_t row = 0; row < out[0].count * to.height; ++row) {
      for (int64_t x = 0; x < factor; ++x) {
        // The columns x, x + factor, x + 2 * factor, ... of this row, seen as an image of one row.
        View source = in[0], target = out[0];
        source.count = target.count = 1;
        source.shape = target.shape = {1, in[0].shape.width, to.channels};
        source.data = in[0].as<unsigned char>() + row / factor * in[0].shape.width * in[0].pixelStride *
                                                      static_cast<int64_t>(byteSize(in[0].dtype));
        target.data = out[0].as<unsigned char>() + (row * to.width + x) * out[0].pixelStride *
                                                       static_cast<int64_t>(byteSize(out[0].dtype));
        target.pixelStride = out[0].pixelStride * factor;
        isa().convert(source, target);
      }
    }
  });
}

// Detectors have it, networks that are trained do not.
std::unique_ptr<TrainKernel> makeTrainKernel(const Upsample&, const TrainContext& context) {
  return train::makeReferenceTrainKernel(context);
}

}  // namespace facenet::cpu
