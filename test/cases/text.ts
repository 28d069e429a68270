/**
 * The tables as lines of words, for test/kernels/training/table.cc:
 *
 *     case <name>
 *     input <height> <width> <channels>         one per input, in order
 *     <field> <value...>                        of the case: count, range, values, shared...
 *     node <name> <op> <input...>
 *     attribute <name> <value...>               of the node before it
 *     tensor <role> <name>                      likewise
 *
 * Words are cut at blanks; a name of a case goes to the end of its line.
 */
import type { TableCase } from './case.js'

export function tableText(cases: readonly TableCase[]): string {
  return cases.map((item) => `${caseLines(item).join('\n')}\n`).join('')
}

function caseLines({ name, inputs, nodes, noPeer, exact, integers, ...fields }: TableCase): string[] {
  return [
    `case ${name}`,
    ...inputs.map((shape) => line('input', shape)),
    ...Object.entries(fields).map(([field, value]) => line(field, value)),
    ...nodes.flatMap((node) => [
      `node ${node.name} ${node.op} ${node.inputs.join(' ')}`,
      ...entries(node, 'attributes').map(([key, value]) => line(`attribute ${key}`, value)),
      ...entries(node, 'tensors').map(([key, value]) => line(`tensor ${key}`, value)),
    ]),
  ]
}

const entries = (node: object, field: 'attributes' | 'tensors'): [string, unknown][] =>
  Object.entries((node as Record<string, object | undefined>)[field] ?? {})

const line = (field: string, value: unknown) => `${field} ${Array.isArray(value) ? value.join(' ') : value}`
