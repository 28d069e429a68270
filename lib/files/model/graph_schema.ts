/** Checks that a value read from a file is a `GraphDescription` that holds together: fields, names, order and shapes. */
import * as v from 'valibot'
import type { GraphDescription, OpName } from '../../../types/graph.js'
import { activationShapes } from '../../convert/networks/shapes.js'
import { invalidModel } from '../../errors.js'

// Larger than any network for images needs, small enough that products of a few of them stay exact.
const extentLimit = 65_536
const channelLimit = 1 << 24
/** The deepest networks for faces have some 1,500. Planning looks at pairs of them. */
export const maxGraphNodes = 10_000

const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(extentLimit))
const nonNegative = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(extentLimit))
const channels = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(channelLimit))
const finite = v.pipe(v.number(), v.finite())
const tensor = v.pipe(v.string(), v.nonEmpty())
const values = v.pipe(
  v.array(finite),
  v.check(({ length }) => length === 1 || length === 3, 'one value or three'),
)
const window = {
  kernel: v.tuple([positive, positive]),
  stride: v.tuple([positive, positive]),
  dilation: v.optional(v.tuple([positive, positive])),
  padding: v.tuple([nonNegative, nonNegative, nonNegative, nonNegative]),
}
const pool = {
  attributes: v.strictObject({
    ...window,
    rounding: v.optional(v.picklist(['floor', 'ceil'])),
    countPadding: v.optional(v.boolean()),
    mean: v.optional(v.boolean()),
  }),
}
const padded = { padding: v.optional(window.padding), channels: v.optional(nonNegative) }
/** Attributes of these names, all of which may be left out. */
const numbers = (...names: string[]) =>
  v.optional(v.strictObject(Object.fromEntries(names.map((name) => [name, v.optional(finite)]))))
const weightAndBias = { tensors: v.strictObject({ weight: tensor, bias: v.optional(tensor) }) }

/** What a node of each op has beside its name and inputs. Ranges that matter to shapes are the op's own to check. */
const ops = {
  preprocess: {
    attributes: v.strictObject({
      mode: v.picklist(['fixed', 'per-image']),
      color: v.picklist(['rgb', 'bgr', 'grey']),
      mean: v.optional(values),
      scale: v.optional(values),
    }),
  },
  conv2d: {
    attributes: v.strictObject({ ...window, outChannels: channels, groups: v.optional(channels) }),
    ...weightAndBias,
  },
  batch_norm: {
    attributes: v.strictObject({ epsilon: v.pipe(finite, v.minValue(0)) }),
    tensors: v.strictObject({
      mean: tensor,
      variance: tensor,
      scale: v.optional(tensor),
      shift: v.optional(tensor),
    }),
  },
  instance_norm: { attributes: v.strictObject({ epsilon: v.pipe(finite, v.minValue(0)) }) },
  layer_norm: { attributes: v.strictObject({ epsilon: v.pipe(finite, v.minValue(0)) }) },
  cross_covariance_attention: {
    attributes: v.strictObject({ heads: channels, epsilon: v.optional(v.pipe(finite, v.minValue(0))) }),
    tensors: v.strictObject({ scale: tensor }),
  },
  affine: { tensors: v.strictObject({ scale: v.optional(tensor), shift: v.optional(tensor) }) },
  relu: {},
  relu6: {},
  sigmoid: {},
  hard_sigmoid: { attributes: numbers('alpha', 'beta') },
  swish: { attributes: numbers('alpha') },
  hard_swish: {},
  tanh: {},
  elu: { attributes: numbers('alpha') },
  selu: { attributes: numbers('alpha', 'gamma') },
  softplus: {},
  gelu: {},
  gelu_tanh: {},
  clip: { attributes: v.strictObject({ min: v.optional(finite), max: v.optional(finite) }) },
  prelu: { tensors: v.strictObject({ slope: tensor }) },
  max_pool: pool,
  avg_pool: pool,
  l2_pool: pool,
  global_pool: {
    attributes: v.strictObject({ kind: v.picklist(['max', 'avg', 'l2']), mean: v.optional(v.boolean()) }),
  },
  lrn: {
    attributes: v.strictObject({
      size: positive,
      alpha: finite,
      beta: finite,
      bias: finite,
      alphaPer: v.picklist(['element', 'window']),
    }),
  },
  fully_connected: {
    attributes: v.strictObject({ outFeatures: channels, order: v.optional(v.picklist(['chw', 'hwc'])) }),
    ...weightAndBias,
  },
  maxout: { attributes: v.strictObject({ pieces: channels }) },
  concat: {},
  add: { attributes: v.optional(v.strictObject({ factor: v.optional(finite) })) },
  multiply: {},
  maximum: {},
  minimum: {},
  zero_pad: { attributes: v.strictObject(padded) },
  constant_pad: { attributes: v.strictObject({ ...padded, value: finite }) },
  edge_pad: { attributes: v.strictObject({ padding: window.padding }) },
  reflect_pad: { attributes: v.strictObject({ padding: window.padding }) },
  channel_shuffle: { attributes: v.strictObject({ groups: channels }) },
  upsample: { attributes: v.strictObject({ factor: positive }) },
  l2_normalize: {
    attributes: v.optional(v.strictObject({ epsilon: v.optional(v.pipe(finite, v.minValue(0))) })),
  },
} satisfies Record<OpName, v.ObjectEntries>

export const opNames = Object.keys(ops) as OpName[]

const base = { name: v.pipe(v.string(), v.nonEmpty()), inputs: v.pipe(v.array(v.string()), v.minLength(1)) }
const nodes = Object.entries(ops).map(([op, entries]) => v.strictObject({ ...base, op: v.literal(op), ...entries }))
const node = v.variant('op', nodes as [(typeof nodes)[number], ...typeof nodes])

const graph = v.strictObject({
  name: v.string(),
  input: v.strictObject({
    name: v.string(),
    height: positive,
    width: positive,
    channels,
    dtype: v.picklist(['u8', 'f32']),
  }),
  nodes: v.pipe(v.array(node), v.minLength(1), v.maxLength(maxGraphNodes)),
  outputs: v.pipe(v.array(v.string()), v.minLength(1)),
})

/** Throws ERR_FACENET_MODEL_INVALID that names the field or the node. */
export function checkGraph(value: unknown): GraphDescription {
  const result = v.safeParse(graph, value, { abortEarly: true })
  if (!result.success) {
    const [issue] = result.issues
    const path = v.getDotPath(issue)
    throw invalidModel(path ? `graph.${path}` : 'graph', issue.expected ?? issue.message, issue.received)
  }
  const description = result.output as GraphDescription
  checkNames(description)
  activationShapes(description)
  return description
}

function checkNames({ input, nodes, outputs }: GraphDescription): void {
  const names = new Set([input.name])
  for (const { name, op, inputs } of nodes) {
    if (names.has(name)) throw invalidModel('graph.nodes', 'unique names', `${name} twice`)
    if ((op === 'preprocess') !== (input.dtype === 'u8' && inputs.includes(input.name))) {
      throw invalidModel(name, 'preprocess, and nothing else, on a u8 image', op)
    }
    names.add(name)
  }
  const missing = outputs.find((output) => !names.has(output))
  if (missing !== undefined) throw invalidModel('graph.outputs', 'names of nodes', missing)
}
