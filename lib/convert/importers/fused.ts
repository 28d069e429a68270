/** Ops of onnxruntime's own domain that are several of ONNX's in one: each becomes those. */
import { unsupported } from './operators.js'
import { type AttributeValue, type SourceNode, stringAttribute } from './source.js'

const domain = 'com.microsoft'

/** The nodes of a model with what onnxruntime's optimiser has fused taken apart again. */
export function unfused(nodes: readonly SourceNode[]): SourceNode[] {
  return nodes.flatMap((node) => {
    if (node.op === `${domain}.FusedConv`) return fusedConv(node)
    // The same as ONNX's, with integers of 16 bits before ONNX had them.
    const [, op] = /^com\.microsoft\.(QuantizeLinear|DequantizeLinear)$/.exec(node.op) ?? []
    return [op ? { ...node, op, opset: undefined } : node]
  })
}

/** activation(Conv(X, W, B) + Z) */
function fusedConv(node: SourceNode): SourceNode[] {
  const [x = '', w = '', b = '', z = ''] = node.inputs
  const attributes = new Map(node.attributes)
  const activation = stringAttribute(node, 'activation', '')
  const given = attributes.get('activation_params') ?? []
  const parameters = Array.isArray(given) ? (given as number[]) : []
  attributes.delete('activation')
  attributes.delete('activation_params')
  if (node.inputs.length > 4) throw unsupported(node, 'inputs', 'at most 4', String(node.inputs.length))
  const steps: Omit<SourceNode, 'outputs'>[] = [{ ...node, op: 'Conv', inputs: b ? [x, w, b] : [x, w], attributes }]
  const add = (op: string, more: string[] = [], values: [string, AttributeValue][] = []) =>
    steps.push({
      op,
      name: `${node.name || node.outputs[0]}/${op}`,
      inputs: more,
      attributes: new Map(values),
      opset: undefined,
    })
  if (z) add('Add', [z])
  const names = activation === '' ? [] : parameterNames[activation]
  if (!names || parameters.length > names.length) {
    throw unsupported(node, 'activation', `one of ${Object.keys(parameterNames).join(', ')}`, activation)
  }
  if (activation !== '')
    add(
      activation,
      [],
      names.flatMap((name, i) => (i < parameters.length ? [[name, parameters[i]!]] : [])),
    )
  return steps.map((step, i) => ({
    ...step,
    inputs: i === 0 ? step.inputs : [between(node, i - 1), ...step.inputs],
    outputs: [i === steps.length - 1 ? node.outputs[0]! : between(node, i)],
  }))
}

const between = (node: SourceNode, step: number) => `${node.outputs[0]}/fused${step}`

/** The attributes that `activation_params` stand for, in their order. */
const parameterNames: Readonly<Record<string, readonly string[]>> = {
  Relu: [],
  Sigmoid: [],
  Tanh: [],
  LeakyRelu: ['alpha'],
  Clip: ['min', 'max'],
  HardSigmoid: ['alpha', 'beta'],
}
