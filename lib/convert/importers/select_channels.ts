/** Channels of an activation in another order, or some of them. */
import type { EmittedGraph, Hold, Value } from './emitted_graph.js'
import type { SourceNode } from './source.js'

/** Channel 0 of every group, then channel 1 of every group, ... */
export function shuffleChannels(
  graph: EmittedGraph,
  source: SourceNode,
  value: Value,
  groups: number,
  hold: Hold,
): Value {
  const name = graph.unique(`${source.name || source.outputs[0]}/shuffled`)
  return graph.add(source, name, { op: 'channel_shuffle', attributes: { groups } }, [value], hold)
}

/** Groups of the channel_shuffle that takes channel `from[c]` to c; undefined where it is another order. */
export function shuffleGroups(from: Int32Array): number | undefined {
  const groups = from.length / from[1]!
  const taken = (c: number) => (c % groups) * from[1]! + Math.floor(c / groups)
  return Number.isInteger(groups) && from.every((channel, c) => channel === taken(c)) ? groups : undefined
}

/**
 * The channels of these numbers, in this order: a 1x1 convolution that takes each from its place, or what makes them where that is a
 * 1x1 convolution, with some of its weights.
 */
export function selectChannels(
  graph: EmittedGraph,
  source: SourceNode,
  value: Value,
  from: Int32Array,
  hold: Hold,
): Value {
  const name = graph.unique(`${source.name || source.outputs[0]}/channels`)
  const part = graph.partOfConvolution(source, name, value, from, hold)
  if (part) return part
  const channels = value.shape[2]
  const weights = new Float32Array(from.length * channels)
  from.forEach((channel, c) => {
    weights[c * channels + channel] = 1
  })
  const weight = graph.store(`${name}.weight`, [from.length, channels, 1, 1], weights)
  const attributes = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: from.length } as const
  return graph.add(source, name, { op: 'conv2d', attributes, tensors: { weight } }, [value], hold)
}
