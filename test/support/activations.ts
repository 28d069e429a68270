/** What the oracle's loops read and write: activations, tensors, and the way through them. */
import type { Shape } from '../../lib/convert/networks/shapes.js'
import type { GraphNode } from '../../types/graph.js'
import type { Precision } from './precision.js'

/** Tensors of a model by name, as fp32 values. */
export type Tensors = Record<string, { shape: number[]; data: Float32Array }>

/** N x H x W x C, dense. */
export interface Activations {
  count: number
  shape: Shape
  data: Float64Array
}

export type NodeOf<Name extends GraphNode['op']> = Extract<GraphNode, { op: Name }>

/** What a loop gets beside its node. */
export interface Call {
  inputs: Activations[]
  out: Activations
  tensors: Tensors
  precision: Precision
  byWinograd: readonly string[]
}

/** Calls `body` for every image, row and column of the output. */
export function forEachPixel(out: Activations, body: (n: number, y: number, x: number) => void): void {
  for (let n = 0; n < out.count; n++) {
    for (let y = 0; y < out.shape[0]; y++) for (let x = 0; x < out.shape[1]; x++) body(n, y, x)
  }
}

export function at({ shape: [height, width, channels] }: Activations, n: number, y: number, x: number, c = 0): number {
  return ((n * height + y) * width + x) * channels + c
}

export function inside({ shape: [height, width] }: Activations, y: number, x: number): boolean {
  return y >= 0 && y < height && x >= 0 && x < width
}

/** Value of channel c in a tensor of one value a channel, or one for all. */
export function channelValue(tensors: Tensors, name: string | undefined, c: number, otherwise: number): number {
  if (name === undefined) return otherwise
  const { data } = tensors[name]!
  return data[data.length === 1 ? 0 : c]!
}
