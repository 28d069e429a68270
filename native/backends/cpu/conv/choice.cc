#include "native/backends/cpu/conv/choice.h"

namespace facenet::cpu {

ConvMethod chooseConv(const Conv2d& op, const Shape& in, const Shape& out, bool half) {
  const Window& w = op.window;
  if (op.groups > 1 && op.groups == in.channels && op.groups == op.outChannels() && op.parts.size() == 1)
    return ConvMethod::depthwise;
  if (half) return ConvMethod::onednn;
  if (op.groups == 1 && in.channels <= kMaxStemChannels && w.kernelHeight <= kMaxStemKernel)
    return ConvMethod::stem;
  const bool square3 = w.kernelHeight == 3 && w.kernelWidth == 3 && w.strideHeight == 1 && w.strideWidth == 1;
  if (square3 && op.groups == 1 && in.channels >= kWinogradMinChannels &&
      op.outChannels() >= kWinogradMinChannels && out.height >= 4 && out.width >= 4)
    return ConvMethod::winograd;
  return ConvMethod::implicitGemm;
}

}  // namespace facenet::cpu
