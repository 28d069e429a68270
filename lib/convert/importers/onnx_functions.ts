/** Functions that an ONNX model defines for itself: each call becomes the nodes it stands for. */
import { invalidModel } from '../../errors.js'
import type { OnnxFunction, OnnxModel, OnnxNode } from '../../files/model/onnx_schema.js'
import { opsets } from './operators.js'

/** A node and the opset of ONNX's own operators that it is meant in. */
export interface PlainNode {
  node: OnnxNode
  opset: number
}

/** Far more than any network has: a few functions that call each other twice could otherwise ask for any number. */
const maxNodes = 200_000
/** Names and attributes of all calls. */
const maxNames = 4_000_000

/** The nodes of the graph with no calls among them. */
export function plainNodes({ graph, functions, opsetImport }: OnnxModel): PlainNode[] {
  const byName = new Map(functions.map((each) => [nameOf(each.domain, each.name, each.overload), each]))
  const plain: PlainNode[] = []
  let [calls, names] = [0, 0]
  const visit = (nodes: readonly OnnxNode[], opset: number, within: readonly string[]) => {
    for (const node of nodes) {
      const name = nameOf(node.domain, node.opType, node.overload)
      const called = byName.get(name)
      if (plain.length >= maxNodes) throw invalidModel('nodes of the graph', `at most ${maxNodes}`, 'more')
      if (!called) plain.push({ node, opset })
      else if (within.includes(name)) throw invalidModel(`function ${name}`, 'one that does not call itself', name)
      else if (calls++ > maxNodes) throw invalidModel('calls of functions', `at most ${maxNodes}`, 'more')
      else {
        names += sizeOf(node) + sizeOf(called) + called.node.reduce((sum, inner) => sum + sizeOf(inner), 0)
        if (names > maxNames) throw invalidModel('calls of functions', `at most ${maxNames} names`, 'more')
        visit(inlined(node, called, `${node.name || node.opType}/${calls}`), opsetOf(called.opsetImport, opset), [
          ...within,
          name,
        ])
      }
    }
  }
  visit(graph!.node, opsetOf(opsetImport), [])
  return plain
}

const sizeOf = (part: Pick<OnnxNode, 'input' | 'output'> & Partial<OnnxNode & OnnxFunction>): number =>
  part.input.length + part.output.length + (part.attribute?.length ?? 0) + (part.attributeProto?.length ?? 0)

const nameOf = (domain: string, name: string, overload: string) => [domain || 'ai.onnx', name, overload].join('::')

/** Of ONNX's own operators. `otherwise`: where a function states none, as it need not if it has only calls. */
function opsetOf(imports: OnnxModel['opsetImport'], otherwise?: number): number {
  const own = imports.find(({ domain }) => domain === '' || domain === 'ai.onnx')
  if (!own && otherwise !== undefined) return otherwise
  const version = Number(own?.version ?? 0)
  const { oldest, newest } = opsets
  if (version >= oldest && version <= newest) return version
  const advice = 'onnx.version_converter makes one of another'
  throw invalidModel('opset of the model', `${oldest} to ${newest}`, `${own ? version : 'none'} (${advice})`)
}

/** The nodes of a function, with the names of the call outside and names of their own within. */
function inlined(call: OnnxNode, called: OnnxFunction, prefix: string): OnnxNode[] {
  const names = new Map<string, string>([['', '']])
  called.input.forEach((name, i) => {
    names.set(name, call.input[i] ?? '')
  })
  called.output.forEach((name, i) => {
    if (call.output[i]) names.set(name, call.output[i])
  })
  const rename = (name: string) => names.get(name) ?? `${prefix}/${name}`
  const given = new Map([...called.attributeProto, ...call.attribute].map((attribute) => [attribute.name, attribute]))
  return called.node.map((node) => ({
    ...node,
    name: `${prefix}/${node.name || node.opType}`,
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute: node.attribute.flatMap((attribute) => {
      if (attribute.refAttrName === '') return [attribute]
      const value = given.get(attribute.refAttrName)
      return value ? [{ ...value, name: attribute.name }] : []
    }),
  }))
}
