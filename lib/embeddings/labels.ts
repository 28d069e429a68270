/** Labels that say whose face each row is. */
import { types } from 'node:util'
import { describe, invalidArgument } from '../errors.js'
import { checkAttached } from '../native/check_arguments.js'

/** `count` 32-bit integers, as a copy: they are read while JavaScript goes on. `each` is what has one label. */
export function checkLabels(labels: unknown, count: number, each: string): Int32Array {
  const isTyped = types.isInt32Array(labels)
  if (!isTyped && !Array.isArray(labels)) {
    throw invalidArgument('labels', 'an Int32Array or an array of integers', labels)
  }
  if (isTyped) checkAttached(labels, 'labels')
  if (labels.length !== count) throw invalidArgument('labels', `${count} of them, one a ${each}`, describe(labels))
  if (isTyped) return labels.slice()
  return Int32Array.from(labels as unknown[], (label, i) => {
    const whole = typeof label === 'number' && (label | 0) === label
    if (whole) return label
    const received = typeof label === 'bigint' ? `${label}n, a BigInt` : label
    throw invalidArgument(`labels[${i}]`, 'a 32-bit integer', received)
  })
}
