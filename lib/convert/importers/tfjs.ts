/**
 * The 8-bit weights of dlib's face recognition network that `@vladmandic/face-api` carries: a tfjs weight manifest (JSON) and
 * the shards it names. The manifest holds names and no graph, so the network is built here: 29 convolutions in residual
 * blocks over 150x150 RGB, 128 floats that are not of unit length.
 *
 * The input rule is dlib's, (pixel - mean) / 256, which these weights were trained with; face-api itself divides by 255.
 *
 * A quantised value is q * scale + min. Filters are stored H x W x I x O, the last matrix in x out.
 */
import { dirname, join, normalize } from 'node:path'
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { elementCount, f32Tensor, type Tensor } from '../../files/model/tensor.js'
import { readAtMost } from '../../files/read_bounded.js'
import { isObject, parseStrictJson } from '../../files/strict_json.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import { readWeights } from './weights_file.js'

/** Those of large networks have some hundred kilobytes. */
const maxManifestBytes = 8 * 2 ** 20

export interface TfjsModel {
  graph: GraphDescription
  tensors: Map<string, Tensor>
}

export async function readTfjs(path: string): Promise<TfjsModel> {
  return new DlibResnet(await readTfjsWeights(path)).finish()
}

/** The weights of a manifest by their names, as fp32 and in tfjs's own order. */
export async function readTfjsWeights(path: string): Promise<Map<string, Tensor>> {
  const manifest = await readAtMost(path, maxManifestBytes, (size) =>
    invalidModel(path, `a manifest of at most ${maxManifestBytes} bytes`, `${size} bytes`),
  )
  const groups = parseManifest(Buffer.from(manifest).toString('utf8'))
  const values = new Map<string, Tensor>()
  for (const { paths, weights } of groups) {
    const shards: Uint8Array[] = []
    for (const shard of paths) shards.push(await readWeights(join(dirname(path), shard)))
    takeWeights(Buffer.concat(shards), weights, values)
  }
  return values
}

interface Weight {
  name: string
  shape: number[]
  /** undefined: stored as fp32. */
  quantization?: { dtype: 'uint8' | 'uint16'; scale: number; min: number }
}

interface WeightGroup {
  paths: string[]
  weights: Weight[]
}

export function parseManifest(text: string): WeightGroup[] {
  const groups = parseStrictJson(text, 'manifest')
  if (!Array.isArray(groups)) throw invalidModel('manifest', 'an array of weight groups', groups)
  const named = new Set<string>()
  return groups.map((group: unknown, index) => {
    const where = `manifest[${index}]`
    if (!isObject(group) || !Array.isArray(group.weights) || !Array.isArray(group.paths)) {
      throw invalidModel(where, '{ paths, weights }', group)
    }
    return {
      paths: group.paths.map((path) => shardName(path, where, named)),
      weights: group.weights.map((entry) => parseWeight(entry, where)),
    }
  })
}

/** A shard lies beside the manifest: a file from elsewhere must not be read because a manifest says so. Nor one of them many times. */
function shardName(path: unknown, where: string, named: Set<string>): string {
  const beside =
    typeof path === 'string' && path !== '' && normalize(path) === path && !/[/\\]/.test(path) && path !== '..'
  if (!beside) throw invalidModel(`${where}.paths`, 'names of files beside the manifest', path)
  if (named.has(path)) throw invalidModel(`${where}.paths`, 'each file once', `${path} twice`)
  named.add(path)
  return path
}

function parseWeight(entry: unknown, where: string): Weight {
  if (!isObject(entry) || typeof entry.name !== 'string')
    throw invalidModel(`${where}.weights`, 'weights with names', entry)
  const { name, shape, dtype, quantization } = entry
  const sound = Array.isArray(shape) && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)
  if (!sound || !Number.isSafeInteger(elementCount(shape)))
    throw invalidModel(`shape of ${name}`, 'non-negative integers', shape)
  if (dtype !== 'float32') throw invalidModel(`dtype of ${name}`, 'float32', dtype)
  if (quantization === undefined) return { name, shape }
  if (!isObject(quantization)) throw invalidModel(`quantization of ${name}`, 'an object', quantization)
  const { dtype: stored, scale, min } = quantization
  if ((stored !== 'uint8' && stored !== 'uint16') || typeof scale !== 'number' || typeof min !== 'number') {
    throw invalidModel(
      `quantization of ${name}`,
      '{ dtype: uint8 or uint16, scale, min }',
      `${stored}, ${scale}, ${min}`,
    )
  }
  return { name, shape, quantization: { dtype: stored, scale, min } }
}

function takeWeights(bytes: Uint8Array, weights: readonly Weight[], into: Map<string, Tensor>): void {
  let end = 0
  for (const { name, shape, quantization } of weights) {
    const size = elementCount(shape) * (quantization ? (quantization.dtype === 'uint8' ? 1 : 2) : 4)
    if (end + size > bytes.length)
      throw invalidModel(`data of ${name}`, `${end + size} bytes in the shards`, `${bytes.length}`)
    if (into.has(name)) throw invalidModel('manifest', 'each weight once', `${name} twice`)
    const { buffer } = new Uint8Array(bytes.subarray(end, end + size))
    end += size
    into.set(name, f32Tensor(shape, dequantised(buffer, quantization)))
  }
  if (end !== bytes.length) throw invalidModel('shards', `${end} bytes, as the manifest says`, `${bytes.length}`)
}

function dequantised(buffer: ArrayBuffer, quantization: Weight['quantization']): Float32Array {
  if (!quantization) return new Float32Array(buffer)
  const { dtype, scale, min } = quantization
  return Float32Array.from(dtype === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer), (q) => q * scale + min)
}

type NewNode = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'inputs'> : never) : never

/** Builds the graph layer by layer; each method takes and returns the name of an activation. */
class DlibResnet {
  private readonly values: ReadonlyMap<string, Tensor>
  private readonly tensors = new Map<string, Tensor>()
  private readonly nodes: GraphNode[] = []
  private readonly shapes = new Map<string, Shape>([['image', [150, 150, 3]]])

  constructor(values: ReadonlyMap<string, Tensor>) {
    this.values = values
  }

  finish(): TfjsModel {
    const mean = [122.782, 117.001, 104.298]
    let x = this.add(
      { name: 'preprocess', op: 'preprocess', attributes: { mode: 'fixed', color: 'rgb', mean, scale: [1 / 256] } },
      ['image'],
    )
    x = this.convolution('conv32_down', x, { stride: 2, padding: 0 })
    x = this.add({ name: 'conv32_down/relu', op: 'relu' }, [x])
    const attributes = { kernel: [3, 3], stride: [2, 2], padding: [0, 0, 0, 0] } as const
    x = this.add({ name: 'pool', op: 'max_pool', attributes }, [x])
    for (const name of blocks) x = this.residual(name, x, name.includes('down'))
    x = this.add({ name: 'average', op: 'global_pool', attributes: { kind: 'avg' } }, [x])
    const embedding = this.matrix('fc', x)
    const input = { name: 'image', height: 150, width: 150, channels: 3, dtype: 'u8' } as const
    const graph = { name: 'dlib-resnet-v1-8bit', input, nodes: this.nodes, outputs: [embedding] }
    return { graph, tensors: this.tensors }
  }

  private add(node: NewNode, inputs: string[]): string {
    const made = { ...node, inputs } as GraphNode
    const shape = outputShape(
      made,
      inputs.map((input) => this.shapes.get(input)!),
    )
    this.nodes.push(made)
    this.shapes.set(made.name, shape)
    return made.name
  }

  /** relu(conv2(relu(conv1(x))) + x); where it halves the image, x is averaged 2x2 and both sides are padded with zeros. */
  private residual(name: string, x: string, down: boolean): string {
    let inner = this.convolution(`${name}/conv1`, x, down ? { stride: 2, padding: 0 } : { stride: 1, padding: 1 })
    inner = this.add({ name: `${name}/conv1/relu`, op: 'relu' }, [inner])
    inner = this.convolution(`${name}/conv2`, inner, { stride: 1, padding: 1 })
    let outer = x
    if (down) {
      const attributes = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] } as const
      outer = this.add({ name: `${name}/average`, op: 'avg_pool', attributes }, [x])
    }
    const size = [this.shapes.get(inner)!, this.shapes.get(outer)!] as const
    const most = [0, 1, 2].map((axis) => Math.max(size[0][axis]!, size[1][axis]!)) as unknown as Shape
    inner = this.padded(inner, most)
    outer = this.padded(outer, most)
    return this.add({ name: `${name}/relu`, op: 'relu' }, [
      this.add({ name: `${name}/add`, op: 'add' }, [inner, outer]),
    ])
  }

  /** Zeros at the bottom, at the right and after the last channel. */
  private padded(x: string, [height, width, channels]: Shape): string {
    const [h, w, c] = this.shapes.get(x)!
    if (h === height && w === width && c === channels) return x
    const attributes = {
      ...((height > h || width > w) && { padding: [0, 0, height - h, width - w] as const }),
      ...(channels > c && { channels: channels - c }),
    }
    return this.add({ name: `${x}/pad`, op: 'zero_pad', attributes }, [x])
  }

  /** Convolution with bias, then scale and shift of each channel. */
  private convolution(name: string, x: string, { stride, padding }: { stride: number; padding: number }): string {
    const filters = this.take(`${name}/conv/filters`, 4)
    const [height, width, inChannels, outChannels] = filters.shape as [number, number, number, number]
    if (inChannels !== this.shapes.get(x)![2]) {
      throw invalidModel(`shape of ${name}/conv/filters`, `${this.shapes.get(x)![2]} input channels`, inChannels)
    }
    const weight = f32Tensor(
      [outChannels, inChannels, height, width],
      outputsFirst(filters.data, [height * width, inChannels, outChannels]),
    )
    const convolved = this.add(
      {
        name: `${name}/conv`,
        op: 'conv2d',
        attributes: {
          kernel: [height, width],
          stride: [stride, stride],
          padding: [padding, padding, padding, padding],
          outChannels,
        },
        tensors: {
          weight: this.put(`${name}/conv.weight`, weight),
          bias: this.vector(`${name}/conv/bias`, `${name}/conv.bias`, outChannels),
        },
      },
      [x],
    )
    const tensors = {
      scale: this.vector(`${name}/scale/weights`, `${name}/scale.scale`, outChannels),
      shift: this.vector(`${name}/scale/biases`, `${name}/scale.shift`, outChannels),
    }
    return this.add({ name: `${name}/scale`, op: 'affine', tensors }, [convolved])
  }

  private matrix(name: string, x: string): string {
    const { shape, data } = this.take(name, 2)
    const [features, outFeatures] = shape as [number, number]
    if (features !== this.shapes.get(x)![2])
      throw invalidModel(`shape of ${name}`, `${this.shapes.get(x)![2]} rows`, features)
    const weight = this.put(
      `${name}.weight`,
      f32Tensor([outFeatures, features], outputsFirst(data, [1, features, outFeatures])),
    )
    return this.add({ name: 'embedding', op: 'fully_connected', attributes: { outFeatures }, tensors: { weight } }, [x])
  }

  private take(name: string, rank: number): Tensor & { dtype: 'f32' } {
    const tensor = this.values.get(name)
    if (tensor?.dtype !== 'f32')
      throw invalidModel('manifest', `dlib's face recognition network with the weight ${name}`, 'none')
    if (tensor.shape.length !== rank)
      throw invalidModel(`shape of ${name}`, `${rank} dimensions`, tensor.shape.join('x'))
    return tensor
  }

  private vector(name: string, as: string, length: number): string {
    const tensor = this.take(name, 1)
    if (tensor.shape[0] !== length) throw invalidModel(`shape of ${name}`, `${length}`, tensor.shape[0])
    return this.put(as, tensor)
  }

  private put(name: string, tensor: Tensor): string {
    this.tensors.set(name, tensor)
    return name
  }
}

const blocks = [
  ...['conv32_1', 'conv32_2', 'conv32_3'],
  ...['conv64_down', 'conv64_1', 'conv64_2', 'conv64_3'],
  ...['conv128_down', 'conv128_1', 'conv128_2'],
  ...['conv256_down', 'conv256_1', 'conv256_2', 'conv256_down_out'],
]

/** H x W x I x O as O x I x H x W; a matrix in x out, taken as 1 x 1 x I x O, as out x in. */
export function outputsFirst(
  data: Float32Array,
  [pixels, inputs, outputs]: readonly [number, number, number],
): Float32Array {
  const result = new Float32Array(data.length)
  let i = 0
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inputs; c++) {
      for (let pixel = 0; pixel < pixels; pixel++) result[i++] = data[(pixel * inputs + c) * outputs + o]!
    }
  }
  return result
}
