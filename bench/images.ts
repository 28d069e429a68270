/** Noise as images: what an engine computes takes the same time whatever the pixels are. */
import { noise } from '../lib/benchmark/engine.js'
import type { GraphDescription, GraphNode } from '../types/graph.js'

/** `count` interleaved RGB images of the graph's size. Bytes depend on the seed alone. */
export function randomImages({ input }: GraphDescription, count: number, seed = 1): Uint8Array {
  return noise(count * input.height * input.width * 3, seed)
}

/**
 * The same images as N x C x H x W floats that have been through the graph's preprocess node, which must be a fixed one
 * over RGB: what a peer is given, so that it is not charged for normalisation.
 */
export function normalisedPlanes(graph: GraphDescription, images: Uint8Array): Float32Array {
  const { mean, scale } = fixedPreprocessing(graph.nodes[0])
  const pixels = graph.input.height * graph.input.width
  const planes = new Float32Array(images.length)
  for (let index = 0; index < images.length; index++) {
    const [pixel, channel] = [Math.floor(index / 3), index % 3]
    const [image, place] = [Math.floor(pixel / pixels), pixel % pixels]
    const value = (images[index]! - mean[channel % mean.length]!) * scale[channel % scale.length]!
    planes[(image * 3 + channel) * pixels + place] = value
  }
  return planes
}

function fixedPreprocessing(node: GraphNode | undefined): { mean: number[]; scale: number[] } {
  if (node?.op !== 'preprocess' || node.attributes.mode !== 'fixed' || node.attributes.color !== 'rgb') {
    throw new TypeError('Expected a graph that starts with fixed preprocessing of RGB')
  }
  return { mean: node.attributes.mean ?? [0], scale: node.attributes.scale ?? [1] }
}
