/** Resize by the nearest pixel, rounded down: any whole number of pixels each way. */
import { isHeldAs, maps } from './layout.js'
import type { Lower, Value } from './lowering.js'
import { unsupported } from './operators.js'
import { intAttribute, intsAttribute, type SourceNode, stringAttribute } from './source.js'

/** More would make large images of small ones on the way: the sizes that attention over half an image comes back from need 7. */
const largestFactor = 16

/**
 * y[i] = x[floor(i * from / to)]. With both divided by what they have in common that is every `from`th pixel of an image in
 * which each pixel of x is repeated `to` times.
 */
export const resize: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const [height, width] = value.shape
  checkForm(node)
  const constants = [2, 3].map((index) => (node.inputs[index] ? [...lowering.constant(node, index).data] : []))
  const [rows, columns] = targetOf(node, value, constants as [number[], number[]])
  const [vertical, horizontal] = [reduced(height, rows), reduced(width, columns)]
  const factor = leastCommonMultiple(vertical.to, horizontal.to)
  if (factor > largestFactor) {
    const ratio = `${height}x${width} to ${rows}x${columns}`
    throw unsupported(node, 'sizes', `ratios of at most ${largestFactor} to another`, ratio)
  }
  const stride = [(factor / vertical.to) * vertical.from, (factor / horizontal.to) * horizontal.from] as const
  if (factor === 1 && stride.every((step) => step === 1)) {
    lowering.pass(node, value)
    return
  }
  const name = lowering.nodeName(node)
  if (stride.every((step) => step === 1)) {
    lowering.emit(node, name, { op: 'upsample', attributes: { factor } }, [value])
    return
  }
  const repeated =
    factor === 1
      ? value
      : lowering.add(node, lowering.unique(`${name}/repeated`), { op: 'upsample', attributes: { factor } }, [value])
  const attributes = { kernel: [1, 1], stride, padding: [0, 0, 0, 0] } as const
  lowering.emit(node, name, { op: 'max_pool', attributes }, [repeated])
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
const leastCommonMultiple = (a: number, b: number) => (a / divisor(a, b)) * b
const reduced = (from: number, to: number) => ({ from: from / divisor(from, to), to: to / divisor(from, to) })

/** Rows and columns of the result, of the scales (input 2) or the sizes (input 3). */
function targetOf(node: SourceNode, value: Value, [scales, sizes]: readonly [number[], number[]]): [number, number] {
  const [height, width, channels] = value.shape
  const extents = [value.batch, channels, height, width]
  // A size that a scale gives is rounded down; where that loses a part of a pixel, pixels are not where sizes alone put them.
  const scaled = scales.map((scale, axis) => Math.floor(Math.fround(extents[axis]! * scale)))
  const exact = scaled.every((extent, axis) => Math.abs(extent - extents[axis]! * scales[axis]!) < 1e-4)
  const target = scales.length === 4 && sizes.length === 0 && exact ? scaled : sizes
  const [n, c, rows = 0, columns = 0] = target
  const sound = [rows, columns].every((extent) => Number.isSafeInteger(extent) && extent >= 1)
  if (target.length !== 4 || n !== value.batch || c !== channels || !sound || !isHeldAs(maps, value)) {
    const received = [...scales, ...sizes].join(', ') || 'what is not constant'
    throw unsupported(node, 'scales or sizes', `those of height and width of N x C x H x W`, received)
  }
  return [rows, columns]
}

/** What of a Resize says nothing about a nearest neighbour must be as if it were not there. */
function checkForm(node: SourceNode): void {
  if (node.opset !== undefined && node.opset < 11) throw unsupported(node, 'opset', '11 or newer', String(node.opset))
  const antialias = intAttribute(node, 'antialias', 0)
  if (antialias !== 0) throw unsupported(node, 'antialias', '0', String(antialias))
  if (node.attributes.has('axes')) throw unsupported(node, 'axes', 'none', intsAttribute(node, 'axes', []).join())
  const policy = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch')
  if (policy !== 'stretch') throw unsupported(node, 'keep_aspect_ratio_policy', 'stretch', policy)
  const modes = [
    stringAttribute(node, 'mode', 'nearest'),
    stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel'),
    stringAttribute(node, 'nearest_mode', 'round_prefer_floor'),
  ].join(', ')
  if (modes !== 'nearest, asymmetric, floor') throw unsupported(node, 'modes', 'nearest, asymmetric, floor', modes)
}
