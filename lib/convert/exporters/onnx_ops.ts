/**
 * Each op of `types/graph.d.ts` in ONNX. Activations are N x C x H x W here, and N x C once a fully connected layer or an
 * l2_normalize has flattened them.
 */
import type { GraphNode } from '../../../types/graph.js'
import { type Tensors, tensorOf, toFloat32 } from '../../files/model/tensor.js'
import type { Shape } from '../networks/shapes.js'
import { emitAttention, emitLayerNorm } from './onnx_attention.js'
import type { OnnxBuilder } from './onnx_builder.js'
import { emitPointwise } from './onnx_pointwise.js'
import { emitGlobalPool, emitPool } from './onnx_pools.js'
import type { Named, Value } from './onnx_value.js'

export interface EmitContext {
  builder: OnnxBuilder
  tensors: Tensors
  /** `convolution`: LRN as a 1x1 convolution over squares, which some engines run faster than their LRN. */
  lrn: 'op' | 'convolution'
}

/** Emits one node under its own name and returns its output. `shape` is that of the output. */
export function emitNode(context: EmitContext, node: GraphNode, inputs: readonly Value[], shape: Shape): Value {
  const { builder } = context
  const [input] = inputs as [Value]
  const made = (name: string, flat = input.flat): Value => ({ name, shape, flat })
  switch (node.op) {
    case 'conv2d':
      return made(emitConvolution(context, node, asMap(builder, input)), false)
    case 'batch_norm': {
      const { mean, variance, scale, shift } = node.tensors
      const parameters = [
        scale === undefined
          ? constantChannels(builder, `${node.name}/ones`, shape[2], 1)
          : perChannel(context, scale, input, true),
        shift === undefined
          ? constantChannels(builder, `${node.name}/zeros`, shape[2], 0)
          : perChannel(context, shift, input, true),
        perChannel(context, mean, input, true),
        perChannel(context, variance, input, true),
      ]
      const epsilon = { float: node.attributes.epsilon }
      return made(builder.node('BatchNormalization', node.name, [input.name, ...parameters], { epsilon }))
    }
    case 'instance_norm': {
      const scale = constantChannels(builder, `${node.name}/ones`, shape[2], 1)
      const shift = constantChannels(builder, `${node.name}/zeros`, shape[2], 0)
      const epsilon = { float: node.attributes.epsilon }
      const names = [asMap(builder, input).name, scale, shift]
      return made(builder.node('InstanceNormalization', node.name, names, { epsilon }), false)
    }
    case 'layer_norm':
      return made(emitLayerNorm(builder, node, input.name))
    case 'cross_covariance_attention': {
      const scale = stretched(toFloat32(tensorOf(context.tensors, node.tensors.scale)), node.attributes.heads)
      const maps = inputs.map((value) => asMap(builder, value))
      return made(emitAttention(builder, node, maps, scale), false)
    }
    case 'affine':
      return made(emitAffine(context, node, input))
    case 'relu':
      return made(builder.node('Relu', node.name, [input.name]))
    case 'sigmoid':
    case 'hard_sigmoid':
    case 'swish':
    case 'hard_swish':
    case 'tanh':
    case 'elu':
    case 'selu':
    case 'softplus':
    case 'gelu':
    case 'gelu_tanh':
    case 'clip':
      return made(emitPointwise(builder, node, input.name))
    case 'relu6': {
      const bounds = [builder.scalar(`${node.name}/min`, 0), builder.scalar(`${node.name}/max`, 6)]
      return made(builder.node('Clip', node.name, [input.name, ...bounds]))
    }
    case 'prelu':
      return made(builder.node('PRelu', node.name, [input.name, perChannel(context, node.tensors.slope, input)]))
    case 'max_pool':
    case 'avg_pool':
    case 'l2_pool':
      return made(emitPool(builder, node, asMap(builder, input), shape), false)
    case 'global_pool':
      return made(emitGlobalPool(builder, node, asMap(builder, input)), false)
    case 'lrn':
      return made(emitLrn(context, node, asMap(builder, input)), false)
    case 'fully_connected':
      return made(emitFullyConnected(context, node, input), true)
    case 'maxout':
      return made(emitMaxout(builder, node, input, shape))
    case 'concat': {
      const parts = sameRank(builder, inputs)
      const names = parts.map(({ name }) => name)
      return made(builder.node('Concat', node.name, names, { axis: { int: 1 } }), parts[0]!.flat)
    }
    case 'add':
      return emitAdd(builder, node, sameRank(builder, inputs), shape)
    case 'multiply':
    case 'maximum':
    case 'minimum': {
      const [a, b] = sameRank(builder, inputs) as [Value, Value]
      const op = { multiply: 'Mul', maximum: 'Max', minimum: 'Min' }[node.op]
      return made(builder.node(op, node.name, [a.name, b.name]), a.flat)
    }
    case 'zero_pad':
    case 'constant_pad':
    case 'edge_pad':
    case 'reflect_pad':
      return made(emitPad(builder, node, asMap(builder, input)), false)
    case 'upsample': {
      const { factor } = node.attributes
      const scales = builder.floats(`${node.name}/scales`, [4], Float32Array.of(1, 1, factor, factor))
      return made(
        builder.node('Resize', node.name, [asMap(builder, input).name, '', scales], {
          mode: { string: 'nearest' },
          coordinate_transformation_mode: { string: 'asymmetric' },
          nearest_mode: { string: 'floor' },
        }),
        false,
      )
    }
    case 'channel_shuffle':
      return made(emitChannelShuffle(builder, node, input, shape))
    case 'l2_normalize':
      return emitL2Normalize(builder, node, input, shape)
    case 'preprocess':
      throw new TypeError('preprocess is emitted by emitPreprocess')
  }
}

/** N x C as N x C x 1 x 1. */
export function asMap(builder: OnnxBuilder, value: Value): Value {
  if (!value.flat) return value
  const name = `${value.name}/map`
  const shape = builder.ints(`${name}/shape`, [0, -1, 1, 1])
  return { ...value, name: builder.sharedNode('Reshape', name, [value.name, shape]), flat: false }
}

/** N x C x H x W as N x CHW. */
export function asFlat(builder: OnnxBuilder, value: Value): Value {
  if (value.flat) return value
  const name = builder.sharedNode('Flatten', `${value.name}/flat`, [value.name], { axis: { int: 1 } })
  return { ...value, name, flat: true }
}

function sameRank(builder: OnnxBuilder, values: readonly Value[]): Value[] {
  return values.every(({ flat }) => flat) ? [...values] : values.map((value) => asMap(builder, value))
}

function weight(context: EmitContext, name: string): string {
  const tensor = tensorOf(context.tensors, name)
  return context.builder.floats(name, tensor.shape, toFloat32(tensor))
}

const constantChannels = (builder: OnnxBuilder, name: string, channels: number, value: number): string =>
  builder.floats(name, [channels], new Float32Array(channels).fill(value))

/**
 * A tensor of C values, or of one for all channels, shaped to be broadcast over `input`; as a `vector` of C for ops that
 * take one. One tensor may be needed in two shapes, so its name carries the shape.
 */
function perChannel({ builder, tensors }: EmitContext, name: string, input: Value, vector = false): string {
  const channels = input.shape[2]
  const values = stretched(toFloat32(tensorOf(tensors, name)), channels)
  const plain = vector || input.flat
  return builder.floats(plain ? name : `${name}/channels`, plain ? [channels] : [channels, 1, 1], values)
}

/** One value stands for all. */
const stretched = (values: Float32Array, count: number) =>
  values.length === 1 ? new Float32Array(count).fill(values[0]!) : values

function emitConvolution(context: EmitContext, { name, attributes, tensors }: Named<'conv2d'>, input: Value): string {
  const inputs = [input.name, weight(context, tensors.weight)]
  if (tensors.bias !== undefined) inputs.push(weight(context, tensors.bias))
  return context.builder.node('Conv', name, inputs, {
    kernel_shape: { ints: attributes.kernel },
    strides: { ints: attributes.stride },
    ...(attributes.dilation && { dilations: { ints: attributes.dilation } }),
    pads: { ints: attributes.padding },
    group: { int: attributes.groups ?? 1 },
  })
}

function emitPad(
  builder: OnnxBuilder,
  node: Named<'zero_pad' | 'constant_pad' | 'edge_pad' | 'reflect_pad'>,
  input: Value,
): string {
  const { name } = node
  if (node.op === 'zero_pad' || node.op === 'constant_pad') {
    const { padding = [0, 0, 0, 0], channels } = node.attributes
    const value = node.op === 'constant_pad' ? builder.scalar(`${name}/value`, node.attributes.value) : undefined
    return builder.pad(name, input.name, padding, { channels, value })
  }
  const mode = node.op === 'edge_pad' ? 'edge' : 'reflect'
  return builder.pad(name, input.name, node.attributes.padding, { mode })
}

function emitAffine(context: EmitContext, { name, tensors: { scale, shift } }: Named<'affine'>, input: Value): string {
  const { builder } = context
  let last = input.name
  if (scale !== undefined) {
    last = builder.node('Mul', shift === undefined ? name : `${name}/scaled`, [last, perChannel(context, scale, input)])
  }
  if (shift !== undefined) last = builder.node('Add', name, [last, perChannel(context, shift, input)])
  return last === input.name ? builder.node('Identity', name, [last]) : last
}

/** The input is flattened C, H, W in ONNX; a weight stored for H, W, C has its columns put into that order. */
function emitFullyConnected(context: EmitContext, node: Named<'fully_connected'>, input: Value): string {
  const { builder, tensors } = context
  const { name, attributes } = node
  const stored = toFloat32(tensorOf(tensors, node.tensors.weight))
  const [height, width, channels] = input.shape
  const values = attributes.order === 'hwc' ? channelsFirst(stored, height * width, channels) : stored
  const weightName = builder.floats(node.tensors.weight, [attributes.outFeatures, height * width * channels], values)
  const inputs = [asFlat(builder, input).name, weightName]
  if (node.tensors.bias !== undefined) inputs.push(weight(context, node.tensors.bias))
  return builder.node('Gemm', name, inputs, { transB: { int: 1 } })
}

function channelsFirst(rows: Float32Array, pixels: number, channels: number): Float32Array {
  const features = pixels * channels
  return Float32Array.from(rows, (_, i) => {
    const column = i % features
    const channel = Math.floor(column / pixels)
    return rows[i - column + (column % pixels) * channels + channel]!
  })
}

/** ONNX divides alpha by the window. Its windows have an odd size in most engines, so an even one is a convolution. */
function emitLrn(context: EmitContext, { name, attributes }: Named<'lrn'>, input: Value): string {
  const { builder } = context
  const { size, alpha, beta, bias, alphaPer } = attributes
  const perElement = alphaPer === 'window' ? alpha / size : alpha
  if (context.lrn === 'op' && size % 2 === 1) {
    return builder.node('LRN', name, [input.name], {
      size: { int: size },
      alpha: { float: perElement * size },
      beta: { float: beta },
      bias: { float: bias },
    })
  }
  const channels = input.shape[2]
  const before = Math.floor((size - 1) / 2)
  const band = new Float32Array(channels * channels)
  for (let c = 0; c < channels; c++) {
    const end = Math.min(channels - 1, c + Math.floor(size / 2))
    for (let other = Math.max(0, c - before); other <= end; other++) band[c * channels + other] = perElement
  }
  const squares = builder.node('Mul', `${name}/squares`, [input.name, input.name])
  const sums = builder.node('Conv', `${name}/sums`, [
    squares,
    builder.floats(`${name}/band`, [channels, channels, 1, 1], band),
    constantChannels(builder, `${name}/bias`, channels, bias),
  ])
  const power = builder.node('Pow', `${name}/power`, [sums, builder.scalar(`${name}/beta`, beta)])
  return builder.node('Div', name, [input.name, power])
}

function emitMaxout(builder: OnnxBuilder, { name, attributes }: Named<'maxout'>, input: Value, shape: Shape): string {
  const [height, width, channels] = shape
  const extents = input.flat ? [] : [height, width]
  const pieces = builder.ints(`${name}/shape`, [0, channels, attributes.pieces, ...extents])
  return builder.reduce('ReduceMax', name, builder.node('Reshape', `${name}/pieces`, [input.name, pieces]), [2], false)
}

function emitChannelShuffle(
  builder: OnnxBuilder,
  { name, attributes: { groups } }: Named<'channel_shuffle'>,
  input: Value,
  [height, width, channels]: Shape,
): string {
  const extents = input.flat ? [] : [height, width]
  const apart = builder.ints(`${name}/apart`, [0, groups, channels / groups, ...extents])
  const together = builder.ints(`${name}/together`, [0, channels, ...extents])
  const perm = { ints: input.flat ? [0, 2, 1] : [0, 2, 1, 3, 4] }
  const grouped = builder.node('Reshape', `${name}/groups`, [input.name, apart])
  return builder.node('Reshape', name, [builder.node('Transpose', `${name}/turned`, [grouped], { perm }), together])
}

function emitAdd(builder: OnnxBuilder, { name, attributes }: Named<'add'>, inputs: Value[], shape: Shape): Value {
  const [a, b] = inputs as [Value, Value]
  const { factor = 1 } = attributes ?? {}
  let added = b.name
  if (factor !== 1) added = builder.node('Mul', `${name}/scaled`, [added, builder.scalar(`${name}/factor`, factor)])
  return { name: builder.node('Add', name, [a.name, added]), shape, flat: a.flat }
}

/** An image of several pixels keeps its shape; a vector leaves as N x C. */
function emitL2Normalize(builder: OnnxBuilder, node: Named<'l2_normalize'>, input: Value, shape: Shape): Value {
  const { name, attributes: { epsilon = 1e-12 } = {} } = node
  const vector = shape[0] * shape[1] === 1
  const from = vector ? asFlat(builder, input) : input
  const length = builder.reduce('ReduceL2', `${name}/length`, from.name, vector ? [1] : [1, 2, 3], true)
  const clipped = builder.node('Clip', `${name}/clipped`, [length, builder.scalar(`${name}/epsilon`, epsilon)])
  return { name: builder.node('Div', name, [from.name, clipped]), shape, flat: vector }
}
