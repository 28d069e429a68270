/** MTCNN's networks as David Sandberg's port has them: layouts and names of its weights, and plain loops that run them. */
import type { MtcnnStage } from '../../lib/convert/networks/mtcnn.js'
import { elementCount } from '../../lib/files/model/tensor.js'
import { normals, seeded } from './random.js'

export interface PortTensor {
  shape: readonly number[]
  data: Float32Array
}
/** By layer, by parameter. */
export type PortWeights = Record<string, Record<string, PortTensor>>

type Layer =
  | readonly ['conv', name: string, kernel: number, inputs: number, outputs: number]
  | readonly ['pool', kernel: number]
  | readonly ['fc', name: string, inputs: number, outputs: number]

/** Every convolution and fully connected layer but the outputs is followed by a PReLU. */
const layers: Record<MtcnnStage, { hidden: readonly Layer[]; outputs: readonly Layer[] }> = {
  pnet: {
    hidden: [
      ['conv', 'conv1', 3, 3, 10],
      ['pool', 2],
      ['conv', 'conv2', 3, 10, 16],
      ['conv', 'conv3', 3, 16, 32],
    ],
    outputs: [
      ['conv', 'conv4-1', 1, 32, 2],
      ['conv', 'conv4-2', 1, 32, 4],
    ],
  },
  rnet: {
    hidden: [
      ['conv', 'conv1', 3, 3, 28],
      ['pool', 3],
      ['conv', 'conv2', 3, 28, 48],
      ['pool', 3],
      ['conv', 'conv3', 2, 48, 64],
      ['fc', 'conv4', 576, 128],
    ],
    outputs: [
      ['fc', 'conv5-1', 128, 2],
      ['fc', 'conv5-2', 128, 4],
    ],
  },
  onet: {
    hidden: [
      ['conv', 'conv1', 3, 3, 32],
      ['pool', 3],
      ['conv', 'conv2', 3, 32, 64],
      ['pool', 3],
      ['conv', 'conv3', 3, 64, 64],
      ['pool', 2],
      ['conv', 'conv4', 2, 64, 128],
      ['fc', 'conv5', 1152, 256],
    ],
    outputs: [
      ['fc', 'conv6-1', 256, 2],
      ['fc', 'conv6-2', 256, 4],
      ['fc', 'conv6-3', 256, 10],
    ],
  },
}

/** Random weights in the port's layouts: kernels x, y, in, out; matrices in x out. */
export function portWeights(stage: MtcnnStage, seed: number): PortWeights {
  const weights: PortWeights = {}
  const { hidden, outputs } = layers[stage]
  const random = seeded(seed)
  const tensor = (shape: number[], deviation: number): PortTensor => {
    return { shape, data: normals(elementCount(shape), random, deviation) }
  }
  let index = 0
  for (const layer of [...hidden, ...outputs]) {
    if (layer[0] === 'pool') continue
    const [kind, name] = layer
    const [fan, out] = kind === 'conv' ? [layer[2] ** 2 * layer[3], layer[4]] : [layer[2], layer[3]]
    const shape = kind === 'conv' ? [layer[2], layer[2], layer[3], layer[4]] : [layer[2], layer[3]]
    weights[name] = { weights: tensor(shape, Math.sqrt(2 / fan)), biases: tensor([out], 0.1) }
    if (++index <= hidden.filter(([kind]) => kind !== 'pool').length)
      weights[`PReLU${index}`] = { alpha: tensor([out], 0.5) }
  }
  return weights
}

/** Columns, then rows, then channels, as the port sees an image. */
interface Activation {
  size: [number, number, number]
  values: Float64Array
}

/** The outputs for one image of rows x columns x 3 bytes, turned back to rows x columns x channels. */
export function runPort(
  stage: MtcnnStage,
  weights: PortWeights,
  image: Uint8Array,
  rows: number,
  columns: number,
): number[][] {
  let x = turned({ size: [rows, columns, 3], values: Float64Array.from(image, (pixel) => (pixel - 127.5) * 0.0078125) })
  let index = 0
  for (const layer of layers[stage].hidden) {
    x = apply(layer, weights, x)
    if (layer[0] !== 'pool') x = prelu(x, weights[`PReLU${++index}`]!.alpha!.data)
  }
  return layers[stage].outputs.map((layer) => [...turned(apply(layer, weights, x)).values])
}

function apply(layer: Layer, weights: PortWeights, x: Activation): Activation {
  if (layer[0] === 'pool') return pool(x, layer[1])
  const { weights: w, biases } = weights[layer[1]]! as Record<'weights' | 'biases', PortTensor>
  if (layer[0] === 'conv') return conv(x, w.data, biases.data, layer[2], layer[4])
  return conv({ size: [1, 1, x.values.length], values: x.values }, w.data, biases.data, 1, layer[3])
}

function make(size: [number, number, number], value: (a: number, b: number, c: number) => number): Activation {
  const values = new Float64Array(size[0] * size[1] * size[2])
  let at = 0
  for (let a = 0; a < size[0]; a++)
    for (let b = 0; b < size[1]; b++) for (let c = 0; c < size[2]; c++) values[at++] = value(a, b, c)
  return { size, values }
}

const at = ({ size, values }: Activation, a: number, b: number, c: number) => values[(a * size[1] + b) * size[2] + c]!

const turned = (x: Activation) => make([x.size[1], x.size[0], x.size[2]], (a, b, c) => at(x, b, a, c))

function conv(x: Activation, w: Float32Array, bias: Float32Array, kernel: number, outputs: number): Activation {
  const inputs = x.size[2]
  return make([x.size[0] - kernel + 1, x.size[1] - kernel + 1, outputs], (a, b, o) => {
    let sum = bias[o]!
    for (let i = 0; i < kernel; i++)
      for (let j = 0; j < kernel; j++)
        for (let c = 0; c < inputs; c++)
          sum += at(x, a + i, b + j, c) * w[((i * kernel + j) * inputs + c) * outputs + o]!
    return sum
  })
}

/** Stride 2, rounding up: a window that reaches over the end is cut. */
function pool(x: Activation, kernel: number): Activation {
  const count = (size: number) => Math.ceil((size - kernel) / 2) + 1
  return make([count(x.size[0]), count(x.size[1]), x.size[2]], (a, b, c) => {
    let most = Number.NEGATIVE_INFINITY
    for (let i = 2 * a; i < Math.min(2 * a + kernel, x.size[0]); i++)
      for (let j = 2 * b; j < Math.min(2 * b + kernel, x.size[1]); j++) most = Math.max(most, at(x, i, j, c))
    return most
  })
}

function prelu(x: Activation, slope: Float32Array): Activation {
  return make(x.size, (a, b, c) => {
    const value = at(x, a, b, c)
    return value > 0 ? value : value * slope[c]!
  })
}
