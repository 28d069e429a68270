/** Registers the cases of a table: on every device in every precision, on small integers, and with onnxruntime. */
import { testCases } from '../support/ops.js'
import type { TableCase } from './case.js'
import { integerCase, opCase } from './op_case.js'

export function testTable(table: readonly TableCase[]): void {
  testCases(table.map(opCase))
  testCases(table.filter(({ integers }) => integers).map(integerCase))
}
