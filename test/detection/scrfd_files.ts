/**
 * ONNX files laid out as insightface exports SCRFD (detection/scrfd/tools/scrfd2onnx.py, mmdet/models/dense_heads/scrfd_head.py):
 * a ResNet whose shortcuts are averaged, a path-aggregating pyramid, heads that share their convolutions, and outputs that are
 * listed as rows, all scores first, then all boxes, then all points.
 */
import { OnnxNetwork } from '../support/onnx_network.js'

export interface ScrfdLayout {
  seed?: number
  /** 1 x N x C instead of N x C. */
  batched?: boolean
  points?: boolean
  /** Of the input; 0: open. */
  side?: number
  /** Whether the last dimensions of the outputs are stated. */
  stated?: boolean
}

export function scrfdOnnx({
  seed = 10,
  batched,
  points = true,
  side = 0,
  stated = true,
}: ScrfdLayout = {}): Uint8Array {
  const net = new OnnxNetwork(seed)
  let x = net.relu(net.conv('x', 8, { stride: 2 }))
  const pads = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 0 }
  x = net.op('MaxPool', [net.relu(net.conv(x, 12))], pads)
  const levels = [16, 20, 24].map((channels) => {
    x = block(net, x, channels)
    return x
  })
  const scales = pyramid(net, levels).map((level) => net.relu(net.conv(net.relu(net.conv(level, 16)), 16)))
  // From within the box to its sides.
  const distances = { gain: 0.05, bias: [2, 3, 2, 3, 4, 4, 3, 3] }
  const heads: [values: number, make: (level: string, i: number) => string][] = [
    [1, (level) => net.conv(level, 2, { gain: 0.2, bias: [-1, -1] })],
    [4, (level, i) => net.op('Mul', [net.conv(level, 8, distances), net.floats([], Float32Array.of(1 + i / 4))])],
    [10, (level) => net.conv(level, 20)],
  ]
  for (const [values, make] of heads.slice(0, points ? 3 : 2)) {
    for (const [i, level] of scales.entries()) {
      const rows = batched ? net.rows(make(level, i), values) : flatRows(net, make(level, i), values)
      const anchors = 2 * Math.ceil(side / (8 << i)) ** 2
      const last = stated ? values : 0
      net.output(values === 1 ? net.op('Sigmoid', [rows]) : rows, batched ? [0, anchors, last] : [anchors, last])
    }
  }
  return net.bytes([1, 3, side, side])
}

/** `x.permute(2, 3, 0, 1).reshape(-1, last)` */
function flatRows(net: OnnxNetwork, x: string, last: number): string {
  return net.op('Reshape', [net.op('Transpose', [x], { perm: [2, 3, 0, 1] }), net.ints(-1, last)])
}

/** A basic block of stride 2, whose shortcut is an average of 2 x 2 and a 1x1 convolution (ResNet-D). */
function block(net: OnnxNetwork, x: string, channels: number): string {
  const main = net.conv(net.relu(net.conv(x, channels, { stride: 2 })), channels)
  const window = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], ceil_mode: 1 }
  const shortcut = net.conv(net.op('AveragePool', [x], window), channels, { kernel: 1 })
  return net.relu(net.add(main, shortcut))
}

/** From coarse to fine by enlarging, then back by strides of 2. */
function pyramid(net: OnnxNetwork, levels: string[]): string[] {
  const [a, b, c] = levels.map((level) => net.conv(level, 16, { kernel: 1 })) as [string, string, string]
  const middle = net.add(b, net.resizeLike(c, b))
  const fine = net.conv(net.add(a, net.resizeLike(middle, a)), 16)
  const second = net.add(net.conv(middle, 16), net.conv(fine, 16, { stride: 2 }))
  const third = net.add(net.conv(c, 16), net.conv(second, 16, { stride: 2 }))
  return [fine, net.conv(second, 16), net.conv(third, 16)]
}

/** How a place of `plantedOnnx` answers to its pattern, for each stride: distances in strides. */
export const planted = {
  8: { colour: [255, 0, 0], anchor: 0, box: [1, 2, 3, 4] },
  16: { colour: [0, 255, 0], anchor: 1, box: [2, 1, 2.5, 3] },
  32: { colour: [0, 0, 255], anchor: 0, box: [0.5, 1, 1.5, 2] },
} as const
/** Distances to the five points, of every stride. */
export const plantedPoints = [0.25, 0.5, 1.25, 0.5, 0.75, 1, 0.5, 1.5, 1, 1.75]

/**
 * The same outputs of hand-made weights: a square as large as the stride, red for 8, green for 16 and blue for 32, that lies
 * on its grid makes one anchor of its place fire. The logit is -8 + 8 x (that channel - the next), means over the square of what
 * (pixel - 127.5) / 128 makes of the pixels: 7.9 for the pattern, -8 for greys.
 */
export function plantedOnnx(): Uint8Array {
  const net = new OnnxNetwork(1)
  const outputs: [string, number][] = []
  for (const [i, [key, { anchor, box }]] of Object.entries(planted).entries()) {
    const kernel = Number(key)
    const weights = new Float32Array(2 * 3 * kernel ** 2)
    for (let at = 0; at < kernel ** 2; at++) {
      weights[(anchor * 3 + i) * kernel ** 2 + at] = 8 / kernel ** 2
      weights[(anchor * 3 + ((i + 1) % 3)) * kernel ** 2 + at] = -8 / kernel ** 2
    }
    const logits = net.conv('x', 2, {
      kernel,
      stride: kernel,
      weights,
      bias: [0, 1].map((a) => (a === anchor ? -8 : -20)),
    })
    const constant = (values: readonly number[]) => {
      const bias = [0, 1].flatMap((a) => values.map((value) => (a === anchor ? value : 99)))
      return net.conv(logits, bias.length, { kernel: 1, weights: new Float32Array(bias.length * 2), bias })
    }
    outputs.push([net.op('Sigmoid', [flatRows(net, logits, 1)]), 1])
    outputs.push([flatRows(net, constant(box), 4), 4], [flatRows(net, constant(plantedPoints), 10), 10])
  }
  // Stride after stride: the order of the outputs is the exporter's own.
  for (const [name, last] of outputs) net.output(name, [0, last])
  return net.bytes([1, 3, 0, 0])
}
