/** From the words of a command line to operands and checked values, by a table of options. */
import { parseArgs } from 'node:util'
import { UsageError } from '../usage_error.js'
import { nearest } from './nearest.js'
import { flagOf, type Option, type OptionTable } from './option.js'

export interface CommandLine {
  operands: string[]
  /** Of every option of the table. */
  values: Record<string, unknown>
  /** Names of the options that the words state. */
  given: ReadonlySet<string>
}

/** Whether help is asked for, which no mistake in the other words keeps from coming. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? undefined : end).some((word) => word === '--help' || word === '-h')
}

/** @throws UsageError that names the option, what is expected of it, and what came. */
export function parseOptions(table: OptionTable, words: readonly string[]): CommandLine {
  const byFlag = new Map(Object.keys(table).map((name) => [flagOf(name).slice(2), name]))
  const { operands, texts } = readWords(table, byFlag, words)
  const values = Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, valueFor(name, option, texts.get(name))]),
  )
  return { operands, values, given: new Set(texts.keys()) }
}

/** What was given for each option, in the order of the words. */
function readWords(table: OptionTable, byFlag: ReadonlyMap<string, string>, words: readonly string[]) {
  const options = Object.fromEntries(
    [...byFlag].map(([flag, name]) => {
      const { value, short } = table[name]!
      return [
        flag,
        { type: value ? ('string' as const) : ('boolean' as const), multiple: true, ...(short && { short }) },
      ]
    }),
  )
  // Not `strict`, whose messages would be Node's own: every token is looked at here.
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true })
  const operands: string[] = []
  const texts = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const name = byFlag.get(token.name)
    if (name === undefined) throw unknown(token.rawName, [...byFlag.keys()])
    if (!texts.has(name)) texts.set(name, [])
    texts.get(name)!.push(textOf(token.name, table[name]!, token))
  }
  return { operands, texts }
}

interface OptionToken {
  rawName: string
  value?: string
  inlineValue?: boolean
}

function textOf(flag: string, { value: takesValue }: Option<unknown>, token: OptionToken): string {
  if (!takesValue) {
    if (token.value === undefined) return ''
    throw new UsageError(`--${flag} takes no value, and ${token.value} came`)
  }
  const { rawName, inlineValue } = token
  // Node reads `-m=x` as the option -m with the value `=x`.
  const value = rawName.startsWith('--') ? (token.value ?? '') : (token.value ?? '').replace(/^=/, '')
  // A word that starts with a dash is the next option rather than a value.
  if (value === '' || (!inlineValue && /^-./.test(value))) {
    throw new UsageError(`--${flag} needs a value; one that starts with a dash is written --${flag}=-1`)
  }
  return value
}

function valueFor(name: string, option: Option<unknown>, given: string[] | undefined): unknown {
  const flag = flagOf(name)
  const fromEnvironment = option.environment && process.env[option.environment]
  const texts = given ?? (fromEnvironment ? [fromEnvironment] : undefined)
  if (!texts) return option.default
  if (texts.length > 1 && !option.repeatable) throw new UsageError(`${flag} is given more than once`)
  const value = option.read(texts)
  if (value === undefined) throw new UsageError(`${flag} is ${option.expected}, not ${texts.join(', ')}`)
  return value
}

/** @throws UsageError for an option that is required and has no value. */
export function checkRequired(table: OptionTable, values: Readonly<Record<string, unknown>>): void {
  for (const [name, { required, environment }] of Object.entries(table)) {
    if (!required || values[name] !== undefined) continue
    throw new UsageError(`${flagOf(name)} is missing${environment ? `, and ${environment} is not set` : ''}`)
  }
}

function unknown(rawName: string, flags: readonly string[]): UsageError {
  const like = nearest(rawName.replace(/^-+/, ''), flags)
  return new UsageError(`unknown option ${rawName}${like === undefined ? '' : `; did you mean --${like}?`}`)
}
