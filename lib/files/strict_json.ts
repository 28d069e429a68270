/**
 * JSON from files that may be hostile. `JSON.parse` keeps the last of two equal keys, so two readers of one file can see
 * two different contents; and deeply nested text costs whoever walks the result its stack. Both are refused here.
 */
import { invalidModel } from '../errors.js'

const maxDepth = 64

export function parseStrictJson(text: string, argument: string): unknown {
  let value: unknown
  try {
    checkStructure(text, argument)
    value = JSON.parse(text)
  } catch (cause) {
    if (cause instanceof SyntaxError) throw invalidModel(argument, 'JSON', cause.message, cause)
    throw cause
  }
  return value
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One pass over the text: strings are skipped, brackets counted, the keys of each open object remembered. */
function checkStructure(text: string, argument: string): void {
  const open: (Set<string> | null)[] = []
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '{' || c === '[') {
      if (open.push(c === '{' ? new Set() : null) > maxDepth) {
        throw invalidModel(argument, `JSON at most ${maxDepth} levels deep`, 'a deeper one')
      }
    } else if (c === '}' || c === ']') {
      open.pop()
    } else if (c === '"') {
      const end = stringEnd(text, i)
      const keys = open.at(-1)
      if (keys && isKey(text, end)) addKey(keys, JSON.parse(text.slice(i, end)) as string, argument)
      i = end - 1
    }
  }
}

/** Index after the closing quote of the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i + 1
  }
  throw new SyntaxError('Unterminated string in JSON')
}

function isKey(text: string, end: number): boolean {
  let i = end
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++
  return text[i] === ':'
}

function addKey(keys: Set<string>, key: string, argument: string): void {
  if (keys.has(key)) throw invalidModel(argument, 'each key once', `${JSON.stringify(key)} twice`)
  keys.add(key)
}
