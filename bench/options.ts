/** Options of benchmarks. */
import { invalidArgument } from '../lib/errors.js'

/** The value of `--name` as an integer of at least 1. */
export function positiveInteger(options: Readonly<Record<string, unknown>>, name: string): number {
  const value = Number(options[name])
  if (!Number.isInteger(value) || value < 1)
    throw invalidArgument(`--${name}`, 'an integer of at least 1', options[name])
  return value
}
