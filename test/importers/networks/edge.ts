/** EdgeFace (George and others, 2023), which is EdgeNeXt (Maaz and others, 2022) with another head and some matrices as two. */
import { type Exporter, type Made, script } from './graph_writer.js'
import { Torch } from './torch.js'

export interface Size {
  widths: readonly [number, number, number, number]
  depths: readonly [number, number, number, number]
  heads: number
  /** Ranks of matrices as a part of their smaller side; undefined: they are whole. */
  gamma?: number
}

/** EdgeNeXt's XX-Small; `edgeface_xs_gamma_06` is X-Small with ranks of 0.6. */
export const xxs: Size = { widths: [24, 48, 88, 168], depths: [2, 2, 6, 2], heads: 4 }
export const xs: Size = { widths: [32, 64, 100, 192], depths: [3, 3, 9, 3], heads: 4, gamma: 0.6 }

/** Each stage: the kernel of its blocks, and into how many parts its last block cuts the channels. */
const stages = [
  { kernel: 3, parts: 1 },
  { kernel: 5, parts: 2 },
  { kernel: 7, parts: 3 },
  { kernel: 9, parts: 4 },
] as const

/** Blocks hold N x H x W x C, attention N x HW x C: a name each, and what is known of the values. */
class EdgeNet extends Torch {
  constructor(
    exporter: Exporter,
    private readonly gamma?: number,
  ) {
    super(exporter)
  }

  /** What was given away as weights, in order. */
  readonly given: { shape: readonly number[]; data: Float32Array }[] = []

  override weights(dims: readonly number[], values: Float32Array | readonly number[]): string {
    this.given.push({ shape: dims, data: Float32Array.from(values) })
    return super.weights(dims, values)
  }

  /** Over the last dimension. */
  private layerNorm(x: string, channels: number): string {
    const scale = this.weights([channels], this.random([channels], 0.2, 1))
    const shift = this.weights([channels], this.random([channels], 0.1))
    if (this.exporter.opset >= 17) {
      const attributes = { axis: { int: -1 }, epsilon: { float: 1e-6 }, stash_type: { int: 1 } }
      return this.node('LayerNormalization', [x, scale, shift], attributes)
    }
    const mean = (of: string) => this.node('ReduceMean', [of], { axes: { ints: [-1] }, keepdims: { int: 1 } })
    const centred = this.node('Sub', [x, mean(x)])
    const variance = mean(this.node('Pow', [centred, this.number(2)]))
    const deviation = this.node('Sqrt', [this.node('Add', [variance, this.number(1e-6)])])
    return this.node('Add', [this.node('Mul', [this.node('Div', [centred, deviation]), scale]), shift])
  }

  private turned(x: string, ...perm: number[]): string {
    return this.node('Transpose', [x], { perm: { ints: perm } })
  }

  /** LayerNorm2d of timm: of N x C x H x W. */
  norm(x: Made): Made {
    const normed = this.layerNorm(this.turned(x.name, 0, 2, 3, 1), x.shape[0])
    return { ...x, name: this.turned(normed, 0, 3, 1, 2), power: 1 }
  }

  /** nn.Linear of the last dimension. `power`: about the mean of the squares of x. */
  private product(x: string, from: number, to: number, power = 1, gain = 1): string {
    const matrix = (input: string, rows: number, columns: number, deviation: number) =>
      this.node('MatMul', [input, this.weights([rows, columns], this.random([rows, columns], deviation))])
    const rank = this.gamma && Math.max(2, Math.floor(Math.min(from, to) * this.gamma))
    const deviation = gain / Math.sqrt(from * power)
    const made = rank
      ? matrix(matrix(x, from, rank, deviation), rank, to, 1 / Math.sqrt(rank))
      : matrix(x, from, to, deviation)
    return this.node('Add', [this.weights([to], this.random([to], 0.1)), made])
  }

  private gelu(x: string): string {
    if (this.exporter.opset >= 20) return this.node('Gelu', [x], { approximate: { string: 'none' } })
    const erf = this.node('Erf', [this.node('Div', [x, this.number(Math.SQRT2)])])
    return this.node('Mul', [this.node('Mul', [x, this.node('Add', [erf, this.number(1)])]), this.number(0.5)])
  }

  /** Normalised, four times as wide and back, scaled: of N x H x W x C. Returned as N x C x H x W. */
  private bottleneck(x: string, channels: number): string {
    const wide = this.gelu(this.product(this.layerNorm(x, channels), channels, 4 * channels))
    const narrow = this.product(wide, 4 * channels, channels, 0.35)
    return this.turned(this.scaled(narrow, channels), 0, 3, 1, 2)
  }

  private scaled(x: string, channels: number): string {
    return this.node('Mul', [this.weights([channels], this.random([channels], 0.1, 0.3)), x])
  }

  convBlock(x: Made, kernel: number): Made {
    const [channels] = x.shape
    const depthwise = this.conv(x, channels, kernel, { groups: channels, bias: true })
    const branch = this.bottleneck(this.turned(depthwise.name, 0, 2, 3, 1), channels)
    return this.add(x, { ...x, name: branch, power: 0.1 })
  }

  /** Parts of the channels that see ever more pixels, and attention of channels. */
  splitBlock(x: Made, parts: number, heads: number, encodes: boolean): Made {
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const mixed = this.cascade(x, parts)
    const batch = this.batchOf(mixed.name)
    const shape = (...extents: number[]) => this.shapeOf(batch, ...extents)
    const rows = this.node('Reshape', [mixed.name, shape(channels, height * width)])
    let tokens = this.turned(rows, 0, 2, 1)
    if (encodes) tokens = this.node('Add', [tokens, this.positions(batch, channels, height, width)])
    const attended = this.attention(this.layerNorm(tokens, channels), channels, height * width, heads, shape)
    tokens = this.node('Add', [tokens, this.scaled(attended, channels)])
    const pixels = this.node('Reshape', [tokens, shape(height, width, channels)])
    return this.add(x, { ...x, name: this.bottleneck(pixels, channels), power: 0.1 })
  }

  /** `x.chunk(parts, 1)`: convolutions of all but the last, each of which also reads the one before it. */
  private cascade(x: Made, parts: number): Made {
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const each = Math.ceil(channels / parts)
    const sizes = Array.from({ length: parts }, (_, i) => Math.min(each, channels - i * each))
    const names = sizes.map((_, i) => `/chunk_${this.made}_${i}`)
    this.builder.nodeOf('Split', names, [x.name, this.ints(...sizes)], { axis: { int: 1 } })
    const chunks = names.map((name, i): Made => ({ name, shape: [sizes[i]!, height, width], power: x.power }))
    const made: Made[] = []
    let last = chunks[0]!
    for (const [i, chunk] of chunks.slice(0, -1).entries()) {
      if (i > 0) last = this.add(last, chunk)
      last = this.conv(last, chunk.shape[0], 3, { groups: chunk.shape[0], bias: true })
      made.push(last)
    }
    return this.concat(...made, chunks.at(-1)!)
  }

  private attention(
    x: string,
    channels: number,
    pixels: number,
    heads: number,
    shape: (...extents: number[]) => string,
  ): string {
    const made = this.product(x, channels, 3 * channels)
    const split = this.node('Reshape', [made, shape(pixels, 3, heads, channels / heads)])
    const [q, k, v] = this.unbound(this.turned(split, 2, 0, 3, 4, 1))
    const turned = this.turned(this.unitRows(k), 0, 1, 3, 2)
    const temperature = this.weights([heads, 1, 1], this.random([heads, 1, 1], 0.5, 2))
    const logits = this.node('Mul', [this.node('MatMul', [this.unitRows(q), turned]), temperature])
    const weights = this.node('Softmax', [logits], { axis: { int: -1 } })
    const mixed = this.turned(this.node('MatMul', [weights, v]), 0, 3, 1, 2)
    return this.product(this.node('Reshape', [mixed, shape(pixels, channels)]), channels, channels, 0.3)
  }

  /** `x.unbind(0)` of three. */
  private unbound(x: string): [string, string, string] {
    if (this.exporter.kind === 'dynamo') {
      const at = (index: number) => this.builder.wholeNumber(`index_${this.made++}`, index)
      return [0, 1, 2].map((i) => this.node('Gather', [x, at(i)], { axis: { int: 0 } })) as [string, string, string]
    }
    const names = [0, 1, 2].map((i) => `/unbind_${this.made}_${i}`)
    this.builder.nodeOf('Split', names, [x, this.ints(1, 1, 1)], { axis: { int: 0 } })
    return names.map((name) => this.node('Squeeze', [name, this.ints(0)])) as [string, string, string]
  }

  /** `F.normalize(x, dim=-1)` */
  private unitRows(x: string): string {
    const norm = this.builder.reduce('ReduceL2', `norm_${this.made++}`, x, [-1], true)
    const bounded = this.node('Clip', [norm, this.number(1e-12)])
    return this.node('Div', [x, this.node('Expand', [bounded, this.node('Shape', [x])])])
  }

  private batchOf(x: string): string {
    if (this.exporter.kind === 'dynamo') return this.node('Shape', [x], { start: { int: 0 }, end: { int: 1 } })
    const size = this.node('Gather', [this.node('Shape', [x]), this.builder.wholeNumber(`index_${this.made++}`, 0)])
    return this.node('Unsqueeze', [size, this.ints(0)])
  }

  private shapeOf(batch: string, ...extents: number[]): string {
    return this.node('Concat', [batch, this.ints(...extents)], { axis: { int: 0 } })
  }

  /** Sines and cosines of each place, through a 1x1 convolution: N x HW x C. */
  private positions(batch: string, channels: number, height: number, width: number): string {
    const dimensions = 32
    const mask = this.node('Not', [this.node('Cast', [this.zeros(batch, height, width)], { to: { int: 9 } })])
    const ones = this.node('Cast', [mask], { to: { int: 1 } })
    const places = [1, 2].map((axis) => {
      const sums = this.node('CumSum', [ones, this.builder.wholeNumber(`axis_${this.made++}`, axis)])
      const bounds = [this.ints(-1), this.ints(Number.MAX_SAFE_INTEGER), this.ints(axis), this.ints(1)]
      const last = this.node('Add', [this.node('Slice', [sums, ...bounds]), this.number(1e-6)])
      const scaled = this.node('Mul', [this.node('Div', [sums, last]), this.number(2 * Math.PI)])
      const periods = Array.from({ length: dimensions }, (_, i) => 10_000 ** ((2 * Math.floor(i / 2)) / dimensions))
      const angles = this.node('Div', [
        this.node('Unsqueeze', [scaled, this.ints(3)]),
        this.weights([dimensions], periods),
      ])
      const halves = ['Sin', 'Cos'].map((op, begin) => {
        const every = [this.ints(begin), this.ints(Number.MAX_SAFE_INTEGER), this.ints(3), this.ints(2)]
        return this.node('Unsqueeze', [this.node(op, [this.node('Slice', [angles, ...every])]), this.ints(4)])
      })
      const stacked = this.node('Concat', halves, { axis: { int: 4 } })
      return this.node('Reshape', [stacked, this.shapeOf(batch, height, width, dimensions)])
    })
    const maps = this.turned(this.node('Concat', places, { axis: { int: 3 } }), 0, 3, 1, 2)
    const encoded = this.conv({ name: maps, shape: [2 * dimensions, height, width], power: 1 }, channels, 1, {
      bias: true,
    })
    const rows = this.node('Reshape', [encoded.name, this.shapeOf(batch, channels, height * width)])
    return this.turned(rows, 0, 2, 1)
  }

  private zeros(batch: string, height: number, width: number): string {
    return this.node('ConstantOfShape', [this.shapeOf(batch, height, width)])
  }
}

export function edgeFace(exporter: Exporter, size: Size): Uint8Array {
  const net = new EdgeNet(exporter, size.gamma)
  return net.encode(embeddingOf(net, size))
}

function embeddingOf(net: EdgeNet, { widths, depths, heads }: Size): Made {
  let x = net.norm(net.conv(net.image, widths[0], 4, { stride: 4, pad: 0, bias: true }))
  for (const [i, { kernel, parts }] of stages.entries()) {
    if (i > 0) x = net.conv(net.norm(x), widths[i]!, 2, { stride: 2, pad: 0, bias: true })
    const plain = parts > 1 ? depths[i]! - 1 : depths[i]!
    for (let block = 0; block < plain; block++) x = net.convBlock(x, kernel)
    if (parts > 1) x = net.splitBlock(x, parts, heads, i === 1)
  }
  return net.linear(net.flatten(net.norm(net.globalAverage(x))), 512)
}

/** The same weights as the network's own program stores them. */
export function edgeFaceState(size: Size): Record<string, { shape: number[]; data: Float32Array }> {
  const net = new EdgeNet(script, size.gamma)
  embeddingOf(net, size)
  const names = stateNames(size)
  const matrix = /(?:fc[12]|qkv|proj|linear[12])\.weight$/
  const entries = net.given.map(({ shape, data }, i): [string, { shape: number[]; data: Float32Array }] => {
    const name = names[i] ?? 'none'
    if (!matrix.test(name)) return [name, { shape: [...shape], data }]
    // out x in
    const [rows = 0, columns = 0] = shape
    const turned = data.map((_, at) => data[(at % rows) * columns + Math.floor(at / rows)]!)
    return [name, { shape: [columns, rows], data: turned }]
  })
  return Object.fromEntries(entries.filter(([name]) => !name.endsWith('periods')))
}

/** Names of weights in the order in which the network above asks for them. */
function stateNames({ depths, gamma }: Size): string[] {
  const pair = (name: string) => [`${name}.weight`, `${name}.bias`]
  const linear = (name: string) => (gamma ? [`${name}.linear1.weight`, ...pair(`${name}.linear2`)] : pair(name))
  const bottleneck = (at: string) => [
    ...pair(`${at}.norm`),
    ...linear(`${at}.mlp.fc1`),
    ...linear(`${at}.mlp.fc2`),
    `${at}.gamma`,
  ]
  const names = [...pair('stem.0'), ...pair('stem.1')]
  for (const [stage, { parts }] of stages.entries()) {
    if (stage > 0) names.push(...pair(`stages.${stage}.downsample.0`), ...pair(`stages.${stage}.downsample.1`))
    for (let block = 0; block < depths[stage]!; block++) {
      const at = `stages.${stage}.blocks.${block}`
      const splits = parts > 1 && block === depths[stage]! - 1
      if (splits) {
        for (let i = 0; i < parts - 1; i++) names.push(...pair(`${at}.convs.${i}`))
        if (stage === 1) names.push('y/periods', 'x/periods', ...pair(`${at}.pos_embd.token_projection`))
        names.push(...pair(`${at}.norm_xca`), ...linear(`${at}.xca.qkv`), `${at}.xca.temperature`)
        names.push(...linear(`${at}.xca.proj`), `${at}.gamma_xca`)
      } else names.push(...pair(`${at}.conv_dw`))
      names.push(...bottleneck(at))
    }
  }
  return [...names, ...pair('head.norm'), ...pair('head.fc')].map((name) => `model.${name}`)
}

/** Attention without units: queries times keys of any length. */
export function plainAttention(exporter: Exporter): Uint8Array {
  const net = new Torch(exporter)
  const stem = net.conv(net.image, 8, 4, { stride: 4, pad: 0, bias: true })
  const rows = net.node('Reshape', [stem.name, net.ints(-1, 2, 4, 784)])
  const keys = net.node('Transpose', [rows], { perm: { ints: [0, 1, 3, 2] } })
  const weights = net.node('Softmax', [net.node('MatMul', [rows, keys])], { axis: { int: -1 } })
  const attended = net.node('Reshape', [net.node('MatMul', [weights, rows]), net.ints(-1, 8, 28, 28)])
  return net.encode(net.linear(net.flatten(net.globalAverage({ ...stem, name: attended })), 512))
}
