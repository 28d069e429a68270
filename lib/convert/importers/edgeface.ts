/**
 * Published weights of EdgeFace (https://github.com/otroshi/edgeface) as a model of ours, known by the names of their tensors: timm's
 * EdgeNeXt with a head of its own, where matrices may be products of two (`linear1`, `linear2`). Depths, widths, heads and kernels
 * follow from the tensors. The network is written down as a list of nodes, and translated as that of an ONNX file is.
 */
import { invalidArgument, invalidModel } from '../../errors.js'
import type { ModelContents } from '../../files/model/model_file.js'
import { toFloat32 } from '../../files/model/tensor.js'
import type { NamedTensors } from './inception_resnet.js'
import { type InputOptions, lowerModel } from './lower.js'
import type { AttributeValue, Constant, SourceNode } from './source.js'

const mark = 'stages.0.blocks.0.conv_dw.weight'

/** What stands in front of every name; undefined where the names are not those of this network. */
export function findEdgeFace(names: readonly string[]): string | undefined {
  const found = names.find((name) => name === mark || name.endsWith(`.${mark}`))
  const prefix = found?.slice(0, -mark.length)
  const attends = names.some((name) => name.endsWith('.xca.temperature'))
  return attends && prefix !== undefined && names.includes(`${prefix}head.fc.weight`) ? prefix : undefined
}

const size = 112
const epsilon = 1e-6

/** (pixel - 127.5) / 127.5 in rgb, faces cut out as for ArcFace. */
export async function importEdgeFace(
  source: NamedTensors,
  prefix: string,
  options: InputOptions & { graph?: string } = {},
): Promise<ModelContents> {
  const { graph: list, size: given, color } = options
  if (list !== undefined) throw invalidArgument('graph', 'nothing beside weights of a known network', list)
  if (given && given.join() !== [size, size].join()) throw invalidArgument('size', `${size}x${size}`, given.join('x'))
  if (color !== undefined && color !== 'rgb') throw invalidArgument('color', 'rgb', color)
  const network = new EdgeFace(await constantsOf(source, prefix))
  const output = network.build()
  const { graph, tensors } = lowerModel(
    {
      name: 'edgeface',
      input: { name: 'image', dims: [1, 3, size, size] },
      outputs: [output],
      nodes: network.nodes,
      constants: network.constants,
      notes: {},
      rule: { color: 'rgb', mean: [127.5], scale: [1 / 127.5] },
    },
    options,
  )
  return { graph, tensors, alignment: 'arcface112' }
}

async function constantsOf(source: NamedTensors, prefix: string): Promise<Map<string, Constant>> {
  const constants = new Map<string, Constant>()
  for (const name of source.names) {
    const tensor = name.startsWith(prefix) ? await source.read(name) : undefined
    if (tensor) constants.set(name.slice(prefix.length), { dims: [...tensor.shape], data: toFloat32(tensor) })
  }
  return constants
}

type Attributes = Record<string, AttributeValue>

class EdgeFace {
  readonly nodes: SourceNode[] = []

  constructor(readonly constants: Map<string, Constant>) {}

  /** Returns the name of the output. */
  build(): string {
    let x = this.norm(this.conv('image', 'stem.0', { strides: [4, 4] }), 'stem.1')
    let side = size / 4
    for (let stage = 0; stage < 4; stage++) {
      const at = `stages.${stage}`
      if (stage > 0) {
        x = this.conv(this.norm(x, `${at}.downsample.0`), `${at}.downsample.1`, { strides: [2, 2] })
        side = Math.floor(side / 2)
      }
      for (let block = 0; this.has(`${at}.blocks.${block}.gamma`); block++) {
        const name = `${at}.blocks.${block}`
        x = this.has(`${name}.xca.temperature`) ? this.splitBlock(x, name, side) : this.convBlock(x, name)
      }
    }
    const pooled = this.norm(this.node('GlobalAveragePool', [x]), 'head.norm')
    return this.node('Gemm', [this.node('Flatten', [pooled]), ...this.pair('head.fc')], { transB: 1 })
  }

  private has(name: string): boolean {
    return this.constants.has(name)
  }

  private tensor(name: string): Constant {
    const tensor = this.constants.get(name)
    if (!tensor) throw invalidModel('weights of EdgeFace', `a tensor ${name} of floats`, 'none')
    return tensor
  }

  /** Names of a weight and its bias, both of which are there. */
  private pair(name: string): [string, string] {
    const names = [`${name}.weight`, `${name}.bias`] as [string, string]
    for (const each of names) this.tensor(each)
    return names
  }

  private node(op: string, inputs: string[], attributes: Attributes = {}): string {
    const output = `node${this.nodes.length}`
    this.nodes.push({ op, name: '', inputs, outputs: [output], attributes: new Map(Object.entries(attributes)) })
    return output
  }

  private whole(...values: number[]): string {
    const name = `integers${this.constants.size}`
    this.constants.set(name, { dims: [values.length], data: Float64Array.from(values) })
    return name
  }

  private turned(x: string, ...perm: number[]): string {
    return this.node('Transpose', [x], { perm })
  }

  private conv(x: string, name: string, attributes: Attributes = {}): string {
    return this.node('Conv', [x, ...this.pair(name)], attributes)
  }

  /** A kernel for each channel, which sees as many pixels as there are. */
  private depthwise(x: string, name: string): string {
    const [channels = 1, , rows = 1, columns = 1] = this.tensor(`${name}.weight`).dims
    const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)]
    return this.conv(x, name, { group: channels, pads: [top, left, top, left] })
  }

  /** Over the last dimension. */
  private layerNorm(x: string, name: string): string {
    return this.node('LayerNormalization', [x, ...this.pair(name)], { axis: -1, epsilon })
  }

  /** The same of N x C x H x W. */
  private norm(x: string, name: string): string {
    return this.turned(this.layerNorm(this.turned(x, 0, 2, 3, 1), name), 0, 3, 1, 2)
  }

  private linear(x: string, name: string): string {
    const low = `${name}.linear1.weight`
    const [from, at] = this.has(low) ? [this.node('Gemm', [x, low], { transB: 1 }), `${name}.linear2`] : [x, name]
    return this.node('Gemm', [from, ...this.pair(at)], { transB: 1 })
  }

  private scaled(x: string, name: string): string {
    this.tensor(name)
    return this.node('Mul', [name, x])
  }

  /** Of N x H x W x C; added to N x C x H x W. */
  private bottleneck(x: string, name: string, shortcut: string): string {
    const wide = this.node('Gelu', [this.linear(this.layerNorm(x, `${name}.norm`), `${name}.mlp.fc1`)])
    const branch = this.scaled(this.linear(wide, `${name}.mlp.fc2`), `${name}.gamma`)
    return this.node('Add', [shortcut, this.turned(branch, 0, 3, 1, 2)])
  }

  private convBlock(x: string, name: string): string {
    return this.bottleneck(this.turned(this.depthwise(x, `${name}.conv_dw`), 0, 2, 3, 1), name, x)
  }

  private splitBlock(x: string, name: string, side: number): string {
    const [channels = 0] = this.tensor(`${name}.gamma`).dims
    const mixed = this.cascade(x, name, channels)
    let tokens = this.turned(this.node('Reshape', [mixed, this.whole(1, channels, side * side)]), 0, 2, 1)
    if (this.has(`${name}.pos_embd.token_projection.weight`)) {
      tokens = this.node('Add', [tokens, this.positions(`${name}.pos_embd.token_projection`, side)])
    }
    const attended = this.attention(this.layerNorm(tokens, `${name}.norm_xca`), `${name}.xca`, channels, side * side)
    tokens = this.node('Add', [tokens, this.scaled(attended, `${name}.gamma_xca`)])
    return this.bottleneck(this.node('Reshape', [tokens, this.whole(1, side, side, channels)]), name, x)
  }

  /** Convolutions of all parts of the channels but the last, each of which also reads the one before it. */
  private cascade(x: string, name: string, channels: number): string {
    const sizes: number[] = []
    while (this.has(`${name}.convs.${sizes.length}.weight`)) {
      sizes.push(this.tensor(`${name}.convs.${sizes.length}.weight`).dims[0] ?? 0)
    }
    const rest = channels - sizes.reduce((sum, count) => sum + count, 0)
    const outputs = [...sizes, rest].map((_, i) => `${name}/chunk${i}`)
    const attributes = new Map<string, AttributeValue>([['axis', 1]])
    this.nodes.push({ op: 'Split', name: '', inputs: [x, this.whole(...sizes, rest)], outputs, attributes })
    const made: string[] = []
    for (const [i, chunk] of outputs.slice(0, -1).entries()) {
      const from = i > 0 ? this.node('Add', [made[i - 1]!, chunk]) : chunk
      made.push(this.depthwise(from, `${name}.convs.${i}`))
    }
    return this.node('Concat', [...made, outputs.at(-1)!], { axis: 1 })
  }

  private attention(x: string, name: string, channels: number, pixels: number): string {
    const [heads = 1] = this.tensor(`${name}.temperature`).dims
    const split = this.node('Reshape', [
      this.linear(x, `${name}.qkv`),
      this.whole(1, pixels, 3, heads, channels / heads),
    ])
    const parts = this.turned(split, 2, 0, 3, 4, 1)
    const [q, k, v] = [0, 1, 2].map((i) => {
      const part = this.node('Slice', [parts, this.whole(i), this.whole(i + 1), this.whole(0)])
      return this.node('Squeeze', [part, this.whole(0)])
    }) as [string, string, string]
    const unit = (rows: string) => this.node('LpNormalization', [rows], { axis: -1, p: 2 })
    const cosines = this.node('MatMul', [unit(q), this.turned(unit(k), 0, 1, 3, 2)])
    const weights = this.node('Softmax', [this.scaled(cosines, `${name}.temperature`)], { axis: -1 })
    const attended = this.node('MatMul', [weights, v])
    const rows = this.node('Reshape', [this.turned(attended, 0, 3, 1, 2), this.whole(1, pixels, channels)])
    return this.linear(rows, `${name}.proj`)
  }

  /** Sines and cosines of row and column, through a matrix: 1 x HW x C. */
  private positions(name: string, side: number): string {
    const [weight, bias] = this.pair(name).map((each) => this.tensor(each)) as [Constant, Constant]
    const [channels = 0, features = 0] = weight.dims
    const half = features / 2
    const angle = (place: number, i: number) =>
      (((place + 1) / (side + 1e-6)) * 2 * Math.PI) / 10_000 ** ((2 * Math.floor(i / 2)) / half)
    const wave = (place: number, i: number) => (i % 2 === 0 ? Math.sin : Math.cos)(angle(place, i))
    const data = new Float32Array(side * side * channels)
    for (let at = 0; at < data.length; at++) {
      const [pixel, channel] = [Math.floor(at / channels), at % channels]
      const [row, column] = [Math.floor(pixel / side), pixel % side]
      let sum = bias.data[channel]!
      for (let i = 0; i < features; i++) {
        sum += weight.data[channel * features + i]! * (i < half ? wave(row, i) : wave(column, i - half))
      }
      data[at] = sum
    }
    const made = `${name}/positions`
    this.constants.set(made, { dims: [1, side * side, channels], data })
    return made
  }
}
