/** A node list as a graph of ours, with the tensors it names. */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidArgument, invalidModel } from '../../errors.js'
import type { Tensor } from '../../files/model/tensor.js'
import type { InputRule } from './affine.js'
import { unfused } from './fused.js'
import { channelsLast, type Held, maps } from './layout.js'
import { lowerNode } from './lower_ops.js'
import { Lowering } from './lowering.js'
import { checkOperator } from './operators.js'
import { recognisePatterns } from './patterns.js'
import type { SourceModel } from './source.js'

/** What the caller knows of the network's input. What the file says by itself need not be given. */
export interface InputOptions {
  /** `[height, width]` in pixels. */
  size?: readonly [number, number]
  /** Order of the network's channels; `rgb` where it is left out. */
  color?: 'rgb' | 'bgr' | 'grey'
  /** Network input = (pixel - mean) * scale, pixels 0..255; one value, or one per channel of the network. */
  mean?: number | readonly number[]
  /** One value, or one per channel of the network. */
  scale?: number | readonly number[]
}

/** A graph of ours, with what the file was taken for. */
export interface LoweredModel {
  graph: GraphDescription
  tensors: Map<string, Tensor>
  /** The rule that the file's own input follows, and how the file holds its input and its outputs. */
  input: { rule: InputRule; held: Held }
  outputs: readonly Held[]
  /** How many activations the file rounds to integers, which stay fp32 here. */
  quantized: number
}

export function lowerModel(source: SourceModel, options: InputOptions): LoweredModel {
  const nodes = unfused(source.nodes)
  for (const node of nodes) checkOperator(node)
  const model = recognisePatterns({ ...source, nodes })
  const held = inputOf(model, options)
  const rule = ruleOf(model, options, held.shape[2])
  const lowering = new Lowering(model, held, { ...rule })
  for (const node of model.nodes) lowerNode(lowering, node)
  if (!lowering.rule.stated) {
    throw invalidArgument(
      'mean and scale',
      'the input rule (pixel - mean) * scale, which the file does not say (--mean and --scale; the options of these names)',
      'neither',
    )
  }
  return { ...lowering.finish(model, held.shape), input: { rule, held }, quantized: lowering.quantized }
}

function inputOf({ input: { name, dims } }: SourceModel, { size, color }: InputOptions): Held {
  const grey = color === 'grey' ? 1 : 3
  const isChannels = (extent: number | undefined) => extent === 3 || extent === 1
  // One image without a batch around it is told by its three channels.
  const alone = dims.length === 3 && (dims[0] === 3 || dims[2] === 3)
  const [batch, ...rest] = dims.length === 0 ? [1, grey, undefined, undefined] : alone ? [1, ...dims] : dims
  if (rest.length !== 3 || (batch !== undefined && !(batch >= 1 && batch <= maxBatch))) {
    throw invalidModel(
      `input ${name}`,
      'a batch of images: N x C x H x W or N x H x W x C',
      `${dims.length} dimensions`,
    )
  }
  const last = isChannels(rest[2]) && !isChannels(rest[0])
  const [channels = grey, height, width] = last ? [rest[2], rest[0], rest[1]] : rest
  if (!isChannels(channels)) throw invalidModel(`channels of ${name}`, '3 or 1', channels)
  const extent = (axis: 0 | 1, stated: number | undefined) => {
    const given = size?.[axis]
    if (stated !== undefined && given !== undefined && stated !== given) {
      throw invalidArgument('size', `${height}x${width}, as the file says`, size!.join('x'))
    }
    const value = stated ?? given
    if (value === undefined) {
      throw invalidArgument(
        'size',
        'the size of the input, which the file does not say (--size; the option size)',
        'none',
      )
    }
    if (!Number.isSafeInteger(value) || value < 1 || value > 65_536)
      throw invalidArgument('size', '1..65536 pixels', value)
    return value
  }
  const shape = [extent(0, height), extent(1, width), channels] as const
  const form = (last ? channelsLast : maps)(shape, batch ?? 1)
  return { shape, dims: alone ? form.slice(1) : form, batch: batch ?? 1 }
}

/** Images of a fixed batch: far more than any file has. */
const maxBatch = 65_536

/** The caller's word goes before the file's. */
function ruleOf({ rule, input }: SourceModel, options: InputOptions, channels: number): InputRule {
  const color = options.color ?? rule?.color ?? (channels === 1 ? 'grey' : 'rgb')
  if ((color === 'grey') !== (channels === 1)) throw invalidArgument('color', `one for ${channels} channels`, color)
  const stated = options.mean !== undefined || options.scale !== undefined
  if (input.type === 'uint8') {
    if (stated && !(isAll(options.mean ?? 0, 0) && isAll(options.scale ?? 1, 1))) {
      throw invalidArgument('mean and scale', '0 and 1 for an input of bytes', 'others')
    }
    return { color, mean: [0], scale: [1], perImage: false, stated: true }
  }
  return {
    color,
    mean: inputNumbers('mean', options.mean ?? rule?.mean ?? 0),
    scale: inputNumbers('scale', options.scale ?? rule?.scale ?? 1),
    perImage: !stated && rule?.perImage === true,
    stated: stated || rule !== undefined,
  }
}

const isAll = (value: number | readonly number[], wanted: number) => [value].flat().every((each) => each === wanted)

export function inputNumbers(name: string, value: number | readonly number[]): number[] {
  const list = typeof value === 'number' ? [value] : [...value]
  if ((list.length !== 1 && list.length !== 3) || !list.every(Number.isFinite)) {
    throw invalidArgument(name, 'one number or three', value)
  }
  return list
}
