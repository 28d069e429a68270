#include "native/backends/cpu/conv/choice.h"

#include "native/backends/cpu/isa.h"

namespace facenet::cpu {

bool winogradPays(const Window& window, int64_t inChannels, int64_t outChannels, int64_t height,
                  int64_t width) {
  return window.kernelHeight == 3 && window.kernelWidth == 3 && window.strideHeight == 1 &&
         window.strideWidth == 1 && !window.dilated() && inChannels >= kWinogradMinChannels &&
         outChannels >= kWinogradMinChannels && height >= 4 && width >= 4;
}

ConvMethod chooseEngine(const Window& window, const Shape& in, const Shape& out, int64_t groups,
                        size_t parts) {
  if (groups > 1) return ConvMethod::implicitGemm;
  if (in.channels <= kMaxStemChannels && window.kernelHeight <= kMaxStemKernel && !window.dilated())
    return ConvMethod::stem;
  if (parts == 1 && winogradPays(window, in.channels, out.channels, out.height, out.width))
    return ConvMethod::winograd;
  return ConvMethod::implicitGemm;
}

bool bf16ProductsPay(ConvMethod engine) {
  switch (bf16Products()) {
    case Bf16Products::none: return false;
    case Bf16Products::vectors: return engine == ConvMethod::implicitGemm;
    case Bf16Products::tiles: return engine != ConvMethod::stem;
  }
  return false;
}

ConvMethod chooseConv(const Conv2d& op, const Shape& in, const Shape& out, bool half) {
  if (op.groups > 1 && op.groups == in.channels && op.groups == op.outChannels() && op.parts.size() == 1)
    return ConvMethod::depthwise;
  if (half) return ConvMethod::half;
  return chooseEngine(op.window, in, {out.height, out.width, op.outChannels()}, op.groups, op.parts.size());
}

}  // namespace facenet::cpu
