/**
 * The operators of ONNX that are read, with the inputs and attributes that the operator text gives them in opsets 6 to 25
 * (https://onnx.ai/onnx/operators). What is not listed here is refused before anything is made of it; what an attribute may
 * be is checked where the operator is lowered or folded.
 *
 * These have no effect here, whatever they are: `momentum`, `ratio` and `seed` are of training, `storage_order` is of indices
 * that nothing reads, `stash_type` is the precision of statistics, `saturate` and `round_mode` are of casts to 8-bit floats, which are refused.
 */
import { invalidModel } from '../../errors.js'
import { describeNode, type SourceNode } from './source.js'

export const opsets = { oldest: 6, newest: 25 } as const

interface Operator {
  /** How many inputs it may have. */
  inputs: number
  /** By name, the opsets that have it. */
  attributes: ReadonlyMap<string, { from: number; before: number }>
}

/** `attributes`: names with spaces between; `is_test<7` is one that opset 7 has no more, `round_mode>=24` one that came with 24. */
function operator(inputs: number, attributes = ''): Operator {
  const entries = attributes.split(' ').filter(Boolean)
  return {
    inputs,
    attributes: new Map(
      entries.map((entry) => {
        const [, name, relation, opset] = /^(\w+?)(?:(<|>=)(\d+))?$/.exec(entry)!
        const since = relation === '>=' ? Number(opset) : opsets.oldest
        return [name!, { from: since, before: relation === '<' ? Number(opset) : opsets.newest + 1 }]
      }),
    ),
  }
}

const any = Number.POSITIVE_INFINITY
const window = 'auto_pad kernel_shape strides'
const reduction = 'axes<18 keepdims noop_with_empty_axes>=18'
const constant = 'value sparse_value value_float value_floats value_int value_ints value_string value_strings'
const legacyBroadcast = 'axis<7 broadcast<7'

const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    Abs: operator(1),
    Add: operator(2, legacyBroadcast),
    And: operator(2, legacyBroadcast),
    AveragePool: operator(1, `${window} pads ceil_mode count_include_pad dilations>=19`),
    BatchNormalization: operator(5, 'epsilon momentum is_test<7 spatial<9 training_mode>=14'),
    Cast: operator(1, 'to saturate>=19 round_mode>=24'),
    Ceil: operator(1),
    Clip: operator(3, 'max<11 min<11'),
    Concat: operator(any, 'axis'),
    Constant: operator(0, constant),
    ConstantOfShape: operator(1, 'value'),
    Conv: operator(3, `${window} pads dilations group`),
    Cos: operator(1),
    CumSum: operator(2, 'exclusive reverse'),
    DequantizeLinear: operator(3, 'axis>=13 block_size>=21 output_dtype>=23'),
    Div: operator(2, legacyBroadcast),
    Dropout: operator(3, 'ratio<12 is_test<7 seed>=12'),
    Elu: operator(1, 'alpha'),
    Erf: operator(1),
    Equal: operator(2, legacyBroadcast),
    Exp: operator(1),
    Expand: operator(2),
    Flatten: operator(1, 'axis'),
    Floor: operator(1),
    Gather: operator(2, 'axis'),
    Gelu: operator(1, 'approximate'),
    Gemm: operator(3, 'alpha beta transA transB broadcast<7'),
    GlobalAveragePool: operator(1),
    GlobalMaxPool: operator(1),
    HardSigmoid: operator(1, 'alpha beta'),
    HardSwish: operator(1),
    Greater: operator(2, legacyBroadcast),
    GreaterOrEqual: operator(2),
    Identity: operator(1),
    InstanceNormalization: operator(3, 'epsilon'),
    LayerNormalization: operator(3, 'axis epsilon stash_type'),
    LRN: operator(1, 'alpha beta bias size'),
    LeakyRelu: operator(1, 'alpha'),
    Less: operator(2, legacyBroadcast),
    LessOrEqual: operator(2),
    Log: operator(1),
    LpNormalization: operator(1, 'axis p'),
    LpPool: operator(1, `${window} pads p ceil_mode>=18 dilations>=18`),
    MatMul: operator(2),
    Max: operator(any),
    MaxPool: operator(1, `${window} pads ceil_mode dilations storage_order`),
    Min: operator(any),
    Mod: operator(2, 'fmod'),
    Mul: operator(2, legacyBroadcast),
    Neg: operator(1),
    Not: operator(1),
    Or: operator(2, legacyBroadcast),
    PRelu: operator(2),
    Pad: operator(4, 'mode pads<11 value<11'),
    Pow: operator(2, legacyBroadcast),
    QuantizeLinear: operator(3, 'axis>=13 saturate>=19 block_size>=21 output_dtype>=21 precision>=23'),
    Range: operator(3),
    Reciprocal: operator(1),
    ReduceL2: operator(2, reduction),
    ReduceMax: operator(2, reduction),
    ReduceMean: operator(2, reduction),
    ReduceMin: operator(2, reduction),
    ReduceProd: operator(2, reduction),
    ReduceSum: operator(2, 'axes<13 keepdims noop_with_empty_axes>=13'),
    ReduceSumSquare: operator(2, reduction),
    Relu: operator(1),
    Reshape: operator(2, 'allowzero>=14'),
    Resize: operator(
      4,
      'antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value keep_aspect_ratio_policy mode nearest_mode',
    ),
    Selu: operator(1, 'alpha gamma'),
    Shape: operator(1, 'start>=15 end>=15'),
    Sigmoid: operator(1),
    Softmax: operator(1, 'axis'),
    Softplus: operator(1),
    Sin: operator(1),
    Size: operator(1),
    Slice: operator(5, 'axes<10 ends<10 starts<10'),
    Split: operator(2, 'axis num_outputs>=18 split<13'),
    Sqrt: operator(1),
    Squeeze: operator(2, 'axes<13'),
    Sub: operator(2, legacyBroadcast),
    Sum: operator(any),
    Swish: operator(1, 'alpha'),
    Tanh: operator(1),
    Tile: operator(2),
    Transpose: operator(1, 'perm'),
    Unsqueeze: operator(2, 'axes<13'),
    Where: operator(3),
  }),
)

export const operatorNames: readonly string[] = [...operators.keys()]

/** What a message says of something that is not read. */
const advice = 'the operators and attributes that are read are in docs/formats.md; export the model without it'

/** Of layers that compute with integers. */
const quantizedAdvice = 'quantise in the QDQ format, which is read as fp32, or export the model in fp32'
const isQuantized = (op: string) =>
  /(^|\.)(QLinear|QGemm|QAttention|DynamicQuantize|ConvInteger|MatMulInteger)/.test(op)

export function unknownOp(node: SourceNode, what = '') {
  const name = node.name || node.outputs[0] || 'unnamed'
  const how = isQuantized(node.op) ? quantizedAdvice : advice
  return invalidModel(`node ${name}`, 'an op of embedding networks', `the unsupported op ${node.op}${what} (${how})`)
}

/** A value of an attribute, or a form of an op, that ONNX has and we do not. */
export function unsupported(node: SourceNode, what: string, supported: string, received: string) {
  return invalidModel(`${what} of ${describeNode(node)}`, supported, `${received} (${advice})`)
}

/** Throws where the node is of an op, or has an attribute or an input, that nothing here would look at. */
export function checkOperator(node: SourceNode): void {
  const known = operators.get(node.op)
  if (!known) throw unknownOp(node)
  const opset = node.opset
  const names = [...known.attributes].filter(([, { from, before }]) => !opset || (opset >= from && opset < before))
  const allowed = names.map(([name]) => name)
  for (const [name, value] of node.attributes) {
    if (allowed.includes(name)) continue
    const version = opset ? ` in opset ${opset}` : ''
    const expected = allowed.length > 0 ? `one of ${allowed.join(', ')}${version}` : `none${version}`
    throw unsupported(node, 'attributes', expected, `${name} = ${JSON.stringify(value)?.slice(0, 60)}`)
  }
  if (node.inputs.length > known.inputs) {
    throw unsupported(node, 'inputs', `at most ${known.inputs}`, `${node.inputs.length}`)
  }
}
