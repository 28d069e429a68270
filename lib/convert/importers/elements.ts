/**
 * y = x * scale + shift with a scale and a shift for each value of an image, height x width x channels, which no layer of ours has by
 * itself. A map of constants is made of one pixel that is 1: a convolution whose kernel is as large as the map, and which sees that
 * pixel from every place at another tap.
 */
import type { Shape } from '../networks/shapes.js'
import type { Affine } from './affine.js'
import { maps } from './layout.js'
import type { Lowering, Value } from './lowering.js'
import type { SourceNode } from './source.js'

/** Multiply-adds of one such convolution: some milliseconds an image. */
const mostWork = 2 ** 27

/** Whether a map has few enough pixels for it. */
export const canScaleElements = ([height, width, channels]: Shape): boolean =>
  (height * width) ** 2 * channels <= mostWork

export const describeElements = `, or one a pixel where pixels x pixels x channels are at most ${mostWork}`

export function scaleElements(lowering: Lowering, source: SourceNode, value: Value, { scale, shift }: Affine): void {
  const one = onePixel(lowering, source, value)
  let made = value
  if (scale.some((factor) => factor !== 1)) {
    const factors = constantMap(lowering, source, one, value.shape, 'scale', scale)
    made = lowering.add(
      source,
      nameOf(lowering, source, 'scaled'),
      { op: 'multiply' },
      [made, factors],
      () => value.dims,
    )
  }
  if (shift.some((term) => term !== 0)) {
    const terms = constantMap(lowering, source, one, value.shape, 'shift', shift)
    made = lowering.add(source, nameOf(lowering, source, 'shifted'), { op: 'add' }, [made, terms], () => value.dims)
  }
  lowering.pass(source, made)
}

const nameOf = (lowering: Lowering, { name, outputs }: SourceNode, part: string) =>
  lowering.unique(`${name || outputs[0]}/${part}`)

/** 1 x 1 x 1, whatever the image: the mean of the activation times 0, plus 1. */
function onePixel(lowering: Lowering, source: SourceNode, value: Value): Value {
  const hold = (shape: Shape, batch: number) => maps(shape, batch)
  const pooled = lowering.add(
    source,
    nameOf(lowering, source, 'mean'),
    { op: 'global_pool', attributes: { kind: 'avg' } },
    [value],
    hold,
  )
  const name = nameOf(lowering, source, 'one')
  const tensors = {
    weight: lowering.store(`${name}.weight`, [1, value.shape[2], 1, 1], new Float32Array(value.shape[2])),
    bias: lowering.store(`${name}.bias`, [1], [1]),
  }
  const attributes = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: 1 } as const
  return lowering.add(source, name, { op: 'conv2d', attributes, tensors }, [pooled], hold)
}

/** The output at (y, x) sees the pixel under tap (height - 1 - y, width - 1 - x). */
function constantMap(
  lowering: Lowering,
  source: SourceNode,
  one: Value,
  [height, width, channels]: Shape,
  part: string,
  values: Float64Array,
): Value {
  const pixels = height * width
  const taps = new Float32Array(values.length)
  for (let i = 0; i < taps.length; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels]
    taps[channel * pixels + pixels - 1 - pixel] = values[i]!
  }
  const name = nameOf(lowering, source, part)
  const weight = lowering.store(`${name}.weight`, [channels, 1, height, width], taps)
  const padding = [height - 1, width - 1, height - 1, width - 1] as const
  const attributes = { kernel: [height, width], stride: [1, 1], padding, outChannels: channels } as const
  return lowering.add(source, name, { op: 'conv2d', attributes, tensors: { weight } }, [one], maps)
}
