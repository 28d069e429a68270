/** The first blocks of EdgeFace (George and others, 2023), which is EdgeNeXt (Maaz and others, 2022) with another head. */
import type { Exporter, Made } from './graph_writer.js'
import { Torch } from './torch.js'

/** Normalisation over the channels of each pixel, which stand last meanwhile. */
function layerNorm(net: Torch, x: Made): Made {
  const [channels] = x.shape
  const last = net.node('Transpose', [x.name], { perm: { ints: [0, 2, 3, 1] } })
  const inputs = [
    last,
    net.weights([channels], net.random([channels], 0.2, 1)),
    net.weights([channels], net.random([channels], 0.1)),
  ]
  const normed = net.node('LayerNormalization', inputs, { axis: { int: -1 }, epsilon: { float: 1e-6 } })
  return { ...x, name: net.node('Transpose', [normed], { perm: { ints: [0, 3, 1, 2] } }), power: 1 }
}

/** EdgeFace up to its first attention, or without the layer normalisation before it. */
export function edgeFace(exporter: Exporter, { normalizes }: { normalizes: boolean }): Uint8Array {
  const net = new Torch(exporter)
  const norm = (x: Made) => (normalizes ? layerNorm(net, x) : x)
  const stem = norm(net.conv(net.image, 32, 4, { stride: 4, pad: 0, bias: true }))
  // Cross-covariance attention: C x C products of queries and keys over all pixels.
  const [channels, height, width] = stem.shape as readonly [number, number, number]
  const rows = net.node('Reshape', [stem.name, net.ints(-1, channels, height * width)])
  const keys = net.node('Transpose', [rows], { perm: { ints: [0, 2, 1] } })
  const weights = net.node('Softmax', [net.node('MatMul', [rows, keys])], { axis: { int: -1 } })
  const attended = net.node('MatMul', [weights, rows])
  const image = { ...stem, name: net.node('Reshape', [attended, net.ints(-1, channels, height, width)]) }
  return net.encode(net.linear(net.flatten(net.globalAverage(net.add(image, stem))), 512))
}
