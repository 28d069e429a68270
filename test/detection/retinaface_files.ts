/**
 * ONNX files laid out as RetinaFace's: as Pytorch_Retinaface exports it (convert_to_onnx.py, models/retinaface.py, models/net.py), of both
 * backbones, and as insightface's of MXNet, whose outputs are maps.
 */
import { OnnxNetwork } from '../support/onnx_network.js'

export interface RetinafaceLayout {
  backbone?: 'mobilenet' | 'resnet'
  family?: 'pytorch' | 'mxnet'
  /** Of the input; 0: open. */
  side?: number
  seed?: number
  /** Of the heads: pixels are not scaled down, so what is made of them is; boxes stay near their anchors. */
  gain?: number
}

export function retinafaceOnnx(layout: RetinafaceLayout): Uint8Array {
  const { backbone = 'mobilenet', family = 'pytorch', side = 0, seed = 20, gain = 0.005 } = layout
  const net = new OnnxNetwork(seed)
  const head: Head = (x, values) => net.conv(x, 2 * values, { kernel: 1, gain })
  const levels = backbone === 'mobilenet' ? mobilenet(net) : resnet(net)
  const scales = featurePyramid(net, levels).map((level) => contextModule(net, level))
  if (family === 'mxnet') mapOutputs(net, scales, head)
  else joinedOutputs(net, scales, head)
  // Before opset 13 a softmax over channels is one over all that follows too.
  return net.bytes([1, 3, side, side], family === 'mxnet' ? 13 : 11)
}

/** `conv_bn` and `conv_dw` of MobileNetV1. */
function mobilenet(net: OnnxNetwork): string[] {
  const separable = (x: string, out: number, stride: number) => {
    const channels = net.channelsOf(x)
    const depthwise = net.leaky(net.conv(x, channels, { stride, groups: channels }))
    return net.leaky(net.conv(depthwise, out, { kernel: 1 }))
  }
  const first = separable(separable(net.leaky(net.conv('x', 8, { stride: 2 })), 12, 1), 16, 2)
  const eighth = separable(separable(first, 16, 2), 16, 1)
  const sixteenth = separable(eighth, 24, 2)
  return [eighth, sixteenth, separable(sixteenth, 32, 2)]
}

/** Bottlenecks whose second convolution strides. */
function resnet(net: OnnxNetwork): string[] {
  const bottleneck = (x: string, out: number, stride: number) => {
    const inner = net.relu(net.conv(net.relu(net.conv(x, out / 4, { kernel: 1 })), out / 4, { stride }))
    return net.relu(net.add(net.conv(inner, out, { kernel: 1 }), net.conv(x, out, { stride })))
  }
  const stem = net.relu(net.conv('x', 8, { kernel: 7, stride: 2 }))
  const pooled = net.op('MaxPool', [stem], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
  const eighth = bottleneck(bottleneck(pooled, 16, 1), 16, 2)
  const sixteenth = bottleneck(eighth, 24, 2)
  return [eighth, sixteenth, bottleneck(sixteenth, 32, 2)]
}

function featurePyramid(net: OnnxNetwork, levels: string[]): string[] {
  const [a, b, c] = levels.map((level) => net.leaky(net.conv(level, 16, { kernel: 1 }))) as [string, string, string]
  const second = net.leaky(net.conv(net.add(b, net.resizeLike(c, b)), 16))
  return [net.leaky(net.conv(net.add(a, net.resizeLike(second, a)), 16)), second, c]
}

/** SSH. */
function contextModule(net: OnnxNetwork, x: string): string {
  const five = net.leaky(net.conv(x, 4))
  const seven = net.conv(net.leaky(net.conv(five, 4)), 4)
  return net.relu(net.concat([net.conv(x, 8), net.conv(five, 4), seven], 1))
}

/** Of both anchors. */
type Head = (x: string, values: number) => string

/** Boxes, scores, points: 1 x N x C. */
function joinedOutputs(net: OnnxNetwork, scales: string[], head: Head): void {
  for (const values of [4, 2, 10]) {
    const rows = scales.map((level) => net.rows(head(level, values), values))
    const joined = net.concat(rows, 1)
    net.output(values === 2 ? net.op('Softmax', [joined], { axis: 2 }) : joined, [1, 0, values])
  }
}

/** As `get_sym_train` names them, from the coarsest stride on. */
function mapOutputs(net: OnnxNetwork, scales: string[], head: Head): void {
  for (const [i, stride] of [32, 16, 8].entries()) {
    const level = scales[2 - i]!
    const rows = net.op('Reshape', [head(level, 2), net.ints(0, 2, -1, 0)])
    const shares = net.op('Softmax', [rows], { axis: 1 })
    const scores = net.op('Reshape', [shares, net.ints(0, 4, -1, 0)])
    const named = [
      [scores, 'cls_prob_reshape', 4],
      [head(level, 4), 'bbox_pred', 8],
      [head(level, 10), 'landmark_pred', 20],
    ] as const
    for (const [made, what, channels] of named) {
      net.output(net.rename(made, `face_rpn_${what}_stride${stride}`), [1, channels, 0, 0])
    }
  }
}
