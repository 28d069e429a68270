/**
 * What the sources of Inception-ResNet-v1 call its layers and their tensors: David Sandberg's facenet (TensorFlow's variables),
 * keras-facenet and deepface (Keras' layers), facenet-pytorch (a state dictionary).
 */
import type { GraphDescription } from '../../../types/graph.js'

/** Roles of tensors, as our names end. */
export type Role = 'weight' | 'bias' | 'mean' | 'variance' | 'shift' | 'scale'

/** A convolution, the projection of a block, or the last fully connected layer. */
interface Place {
  /** Ours: `conv1`, `block35.2/branch1.0`, `reductionA/branch1.2`, `block17.4/projection`, `fc`. */
  name: string
  kernel: readonly [height: number, width: number]
  /** How many convolutions its branch has. */
  length: number
}

export interface NameLayout {
  /** How it is named in messages. */
  title: string
  /** A name that no other layout has; what stands in front of it stands in front of all names. */
  mark: string
  /** Whether kernels are stored height, width, in, out, and matrices in x out; else out first. */
  outLast: boolean
  tensor(place: Place, role: Role): string
}

/** Our name of every layer with weights, and where it stands. */
export function placesOf(graph: GraphDescription): Map<string, Place> {
  const kernels = graph.nodes.flatMap((node): [string, Place['kernel']][] =>
    node.op === 'conv2d'
      ? [[node.name, node.attributes.kernel]]
      : node.op === 'fully_connected'
        ? [[node.name, [1, 1]]]
        : [],
  )
  const branchOf = (name: string) => name.replace(/\.\d+$/, '')
  const places = kernels.map(([name, kernel]): [string, Place] => {
    const length = kernels.filter(([other]) => branchOf(other) === branchOf(name)).length
    return [name, { name, kernel, length }]
  })
  return new Map(places)
}

const stem: Readonly<Record<string, string>> = {
  conv1: '1a',
  conv2a: '2a',
  conv2b: '2b',
  conv3: '3b',
  conv4a: '4a',
  conv4b: '4b',
}

interface Parts {
  /** `35`, `17`, `8`, `A` or `B`. */
  kind: string
  block: number
  /** undefined: the projection. */
  branch?: number
  position?: number
}

/** `block35.2/branch1.0`, `block35.2/projection`, `reductionA/branch1.2`. */
function partsOf(name: string): Parts {
  const [, kind, block, branch, position] =
    /^(?:block|reduction)(\d+|[AB])(?:\.(\d+))?\/(?:branch(\d)\.(\d)|projection)$/.exec(name)!
  return {
    kind: kind!,
    block: Number(block ?? 0),
    ...(branch !== undefined && { branch: Number(branch), position: Number(position) }),
  }
}

/** Of 6 blocks 8 the last is not among the repeated ones. */
const isLastBlock = ({ kind, block }: Parts) => kind === '8' && block === 6

/** `Conv2d_0b_1x7`: letters count the convolutions of a branch; the one with stride 2 at the end of a reduction's is `1a`. */
function convName({ kernel, length, name }: Place): string {
  const size = kernel.join('x')
  if (stem[name]) return `Conv2d_${stem[name]}_${size}`
  const { kind, position } = partsOf(name)
  const last = position === length - 1
  if (position === undefined || (length === 1 && !'AB'.includes(kind))) return `Conv2d_${size}`
  return 'AB'.includes(kind) && last ? `Conv2d_1a_${size}` : `Conv2d_0${'abc'[position]}_${size}`
}

const mixed: Readonly<Record<string, string>> = { A: '6a', B: '7a' }
const repeats: Readonly<Record<string, string>> = { 35: 'Repeat', 17: 'Repeat_1', 8: 'Repeat_2' }

/** `Repeat_1/block17_3`, of TensorFlow's scopes. */
function scopeOf(parts: Parts): string {
  if (mixed[parts.kind]) return `Mixed_${mixed[parts.kind]}`
  return isLastBlock(parts) ? 'Block8' : `${repeats[parts.kind]}/block${parts.kind}_${parts.block}`
}

const withBranch = (parts: Parts, separator: string) =>
  parts.branch === undefined ? '' : `${separator}Branch_${parts.branch}`

const tensorflowNorms: Readonly<Record<Role, string>> = {
  weight: 'weights',
  bias: 'biases',
  mean: 'BatchNorm/moving_mean',
  variance: 'BatchNorm/moving_variance',
  shift: 'BatchNorm/beta',
  scale: 'BatchNorm/gamma',
}
const kerasRoles: Readonly<Record<Role, string>> = {
  weight: '/kernel',
  bias: '/bias',
  mean: '_BatchNorm/moving_mean',
  variance: '_BatchNorm/moving_variance',
  shift: '_BatchNorm/beta',
  scale: '_BatchNorm/gamma',
}
const pytorchNorms: Readonly<Record<Role, string>> = {
  weight: 'weight',
  bias: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
  shift: 'bias',
  scale: 'weight',
}

function tensorflowLayer(place: Place): string {
  if (place.name === 'fc') return 'Bottleneck'
  if (stem[place.name]) return convName(place)
  const parts = partsOf(place.name)
  return `${scopeOf(parts)}${withBranch(parts, '/')}/${convName(place)}`
}

function kerasLayer(place: Place): string {
  if (place.name === 'fc') return 'Bottleneck'
  if (stem[place.name]) return convName(place)
  const parts = partsOf(place.name)
  const block = mixed[parts.kind] ? `Mixed_${mixed[parts.kind]}` : `Block${parts.kind}_${parts.block}`
  return `${block}${withBranch(parts, '_')}_${convName(place)}`
}

const pytorchRepeats: Readonly<Record<string, string>> = { 35: 'repeat_1', 17: 'repeat_2', 8: 'repeat_3' }

function pytorchTensor({ name, length }: Place, role: Role): string {
  const isNorm = role !== 'weight' && role !== 'bias'
  const parameter = pytorchNorms[role]
  if (name === 'fc') return `${isNorm ? 'last_bn' : 'last_linear'}.${parameter}`
  const layer = `${isNorm ? 'bn' : 'conv'}.${parameter}`
  if (stem[name]) return `conv2d_${stem[name]}.${layer}`
  const parts = partsOf(name)
  const block = mixed[parts.kind]
    ? `mixed_${mixed[parts.kind]}`
    : isLastBlock(parts)
      ? 'block8'
      : `${pytorchRepeats[parts.kind]}.${parts.block - 1}`
  if (parts.branch === undefined) return `${block}.conv2d.${parameter}`
  // A branch of one convolution is no sequence.
  return `${block}.branch${parts.branch}${length > 1 ? `.${parts.position}` : ''}.${layer}`
}

export const nameLayouts: readonly NameLayout[] = [
  {
    title: 'facenet-pytorch',
    mark: 'conv2d_1a.conv.weight',
    outLast: false,
    tensor: pytorchTensor,
  },
  {
    title: "facenet's TensorFlow",
    mark: 'Conv2d_1a_3x3/weights',
    outLast: true,
    tensor: (place, role) => `${tensorflowLayer(place)}/${tensorflowNorms[role]}`,
  },
  {
    title: 'keras-facenet',
    mark: 'Conv2d_1a_3x3/kernel',
    outLast: true,
    tensor: (place, role) => `${kerasLayer(place)}${kerasRoles[role]}`,
  },
]
