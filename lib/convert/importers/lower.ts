/** A node list as a graph of ours, with the tensors it names. */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidArgument, invalidModel } from '../../errors.js'
import type { Tensor } from '../../files/model/tensor.js'
import type { Layout } from './layout.js'
import { lowerNode } from './lower_ops.js'
import { type InputRule, Lowering } from './lowering.js'
import { checkOperator } from './operators.js'
import { recognisePatterns } from './patterns.js'
import type { SourceModel } from './source.js'

/** What the caller knows of the network's input. What the file says by itself need not be given. */
export interface InputOptions {
  /** `[height, width]` in pixels. */
  size?: readonly [number, number]
  color?: 'rgb' | 'bgr' | 'grey'
  /** Network input = (pixel - mean) * scale, pixels 0..255; one value or three, in the order of the network's channels. */
  mean?: number | readonly number[]
  scale?: number | readonly number[]
}

export function lowerModel(
  source: SourceModel,
  options: InputOptions,
): { graph: GraphDescription; tensors: Map<string, Tensor> } {
  for (const node of source.nodes) checkOperator(node)
  const model = recognisePatterns(source)
  const { height, width, channels, layout } = inputOf(model, options)
  const rule = ruleOf(model, options, channels)
  const lowering = new Lowering(model, { shape: [height, width, channels], layout }, rule)
  for (const node of model.nodes) lowerNode(lowering, node)
  if (!rule.stated) {
    throw invalidArgument(
      'mean and scale',
      'the input rule (pixel - mean) * scale, which the file does not say',
      'neither',
    )
  }
  return lowering.finish(model, [height, width, channels])
}

function inputOf({ input: { name, dims } }: SourceModel, { size, color }: InputOptions) {
  const grey = color === 'grey' ? 1 : 3
  const [batch, ...rest] = dims.length === 0 ? [1, grey, undefined, undefined] : dims
  if (rest.length !== 3 || (batch !== undefined && batch < 1)) {
    throw invalidModel(
      `input ${name}`,
      'a batch of images: N x C x H x W or N x H x W x C',
      `${dims.length} dimensions`,
    )
  }
  const isChannels = (extent: number | undefined) => extent === 3 || extent === 1
  const last = isChannels(rest[2]) && !isChannels(rest[0])
  const layout: Layout = last ? 'nhwc' : 'nchw'
  const [channels = grey, height, width] = last ? [rest[2], rest[0], rest[1]] : rest
  if (!isChannels(channels)) throw invalidModel(`channels of ${name}`, '3 or 1', channels)
  const extent = (axis: 0 | 1, stated: number | undefined) => {
    const given = size?.[axis]
    if (stated !== undefined && given !== undefined && stated !== given) {
      throw invalidArgument('size', `${height}x${width}, as the file says`, size!.join('x'))
    }
    const value = stated ?? given
    if (value === undefined) throw invalidArgument('size', 'the size of the input, which the file does not say', 'none')
    if (!Number.isSafeInteger(value) || value < 1 || value > 65_536)
      throw invalidArgument('size', '1..65536 pixels', value)
    return value
  }
  return { height: extent(0, height), width: extent(1, width), channels, layout }
}

/** The caller's word goes before the file's. */
function ruleOf({ rule }: SourceModel, options: InputOptions, channels: number): InputRule {
  const color = options.color ?? rule?.color ?? (channels === 1 ? 'grey' : 'rgb')
  if ((color === 'grey') !== (channels === 1)) throw invalidArgument('color', `one for ${channels} channels`, color)
  const stated = options.mean !== undefined || options.scale !== undefined
  return {
    color,
    mean: values('mean', options.mean ?? rule?.mean ?? 0),
    scale: values('scale', options.scale ?? rule?.scale ?? 1),
    perImage: !stated && rule?.perImage === true,
    stated: stated || rule !== undefined,
  }
}

function values(name: string, value: number | readonly number[]): number[] {
  const list = typeof value === 'number' ? [value] : [...value]
  if ((list.length !== 1 && list.length !== 3) || !list.every(Number.isFinite)) {
    throw invalidArgument(name, 'one number or three', value)
  }
  return list
}
