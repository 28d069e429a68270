// A network of a few milliseconds an image, in memory: storms open it thousands of times.
const conv = (name, input, inChannels, outChannels) => ({
  node: {
    name,
    op: 'conv2d',
    inputs: [input],
    attributes: { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1], outChannels },
    tensors: { weight: `${name}.weight` },
  },
  weight: [`${name}.weight`, { shape: [outChannels, inChannels, 3, 3], data: waves(outChannels * inChannels * 9) }],
})
const waves = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i) / 8)

export function network() {
  const layers = [conv('a', 'x', 3, 32), conv('b', 'a', 32, 32), conv('c', 'b', 32, 32)]
  const graph = {
    name: 'storm',
    input: { name: 'image', height: 48, width: 48, channels: 3, dtype: 'u8' },
    nodes: [
      { name: 'x', op: 'preprocess', inputs: ['image'], attributes: { mode: 'fixed', color: 'rgb', scale: [1 / 255] } },
      ...layers.map(({ node }) => node),
      { name: 'pool', op: 'global_pool', inputs: ['c'], attributes: { kind: 'avg' } },
      { name: 'y', op: 'l2_normalize', inputs: ['pool'] },
    ],
    outputs: ['y'],
  }
  return { graph, tensors: new Map(layers.map(({ weight }) => weight)) }
}
