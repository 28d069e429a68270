/**
 * Options as data: what may be given, what holds where nothing is, and what the help says. A table has them by their names in
 * camel case, so `batchSize` is `--batch-size`; the values that are read from a command line have the same names and types.
 */

export interface Option<V> {
  /** For the help; a default and a range are added to it. */
  readonly text: string
  /** The heading it is listed under. */
  readonly group?: string
  readonly short?: string
  /** What stands for the value in the help; left out, the option is a switch. */
  readonly value?: string
  /** What may be given, as `an integer of at least 1`; left out, anything that is not empty. */
  readonly expected?: string
  readonly repeatable?: boolean
  readonly required?: boolean
  /** The variable of the environment that stands for it. */
  readonly environment?: string
  /** What holds where nothing is given. */
  readonly default?: V
  /** The same in words, where the value itself says too little. */
  readonly defaultText?: string
  /** The value of what was given, once or, if repeatable, several times; undefined where that is not what is expected. */
  read(given: readonly string[]): V | undefined
  /** For commands of several kinds, as evaluate is: the kinds (first operands) that take it; left out, all. */
  readonly kinds?: readonly string[]
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>

/** The values of a table's options. */
export type Values<T extends OptionTable> = {
  readonly [Name in keyof T]: T[Name] extends Option<infer V> ? V : never
}

/** What every maker below is told. */
export type Described = Pick<Option<unknown>, 'text' | 'short' | 'value' | 'defaultText' | 'kinds'>
/** With a default, an option always has a value. */
type WithDefault<V> = Described & { default: V }

interface Range {
  min?: number
  max?: number
  /** The smallest value that is too small. */
  above?: number
  /** The largest that is too large. */
  below?: number
}

export function flag(described: Omit<Described, 'value'>): Option<boolean> {
  return { ...described, default: false, read: () => true }
}

/** Any text: a path or a name. */
export function text(described: WithDefault<string>): Option<string>
export function text(described: Described): Option<string | undefined>
export function text(described: Described): Option<string | undefined> {
  return { value: '<text>', ...described, read: ([given]) => given }
}

/** The same, which may be given more than once. */
export function texts(described: Described): Option<string[]> {
  return { value: '<text>', ...described, repeatable: true, default: [], read: (given) => [...given] }
}

/** A path with one of these endings, as `.html`. */
export function pathEnding(endings: readonly string[], described: Described): Option<string | undefined> {
  return parsed(`a path that ends in ${alternatives(endings)}`, { value: '<file>', ...described }, (given) =>
    endings.some((ending) => given.toLowerCase().endsWith(ending)) ? given : undefined,
  )
}

export function oneOf<const T extends string>(allowed: readonly T[], described: WithDefault<NoInfer<T>>): Option<T>
export function oneOf<const T extends string>(allowed: readonly T[], described: Described): Option<T | undefined>
export function oneOf<const T extends string>(allowed: readonly T[], described: Described): Option<T | undefined> {
  return parsed(`one of ${allowed.join(', ')}`, { value: '<name>', ...described }, (given) =>
    allowed.find((each) => each === given),
  )
}

export function number(described: WithDefault<number> & Range): Option<number>
export function number(described: Described & Range): Option<number | undefined>
export function number(described: Described & Range): Option<number | undefined> {
  return parsed(`a number${rangeText(described)}`, { value: '<x>', ...described }, (given) => {
    const value = toNumber(given)
    return value !== undefined && isInside(value, described) ? value : undefined
  })
}

export function integer(described: WithDefault<number> & Range): Option<number>
export function integer(described: Described & Range): Option<number | undefined>
export function integer(described: Described & Range): Option<number | undefined> {
  return parsed(`an integer${rangeText(described)}`, { value: '<n>', ...described }, (given) => {
    const value = toNumber(given)
    return Number.isSafeInteger(value) && isInside(value!, described) ? value : undefined
  })
}

/** Several values with commas between them, each read by `option`. */
export function list<V>(option: Option<V | undefined>, described: Described): Option<V[] | undefined> {
  const expected = option.expected && `${option.expected}, or several with commas`
  return { value: '<x,...>', ...described, expected, read: ([given]) => all(given!.split(','), option) }
}

function all<V>(parts: readonly string[], option: Option<V | undefined>): V[] | undefined {
  const values = parts.map((part) => (part === '' ? undefined : option.read([part])))
  return values.every((value) => value !== undefined) ? values : undefined
}

/** Undefined where a text is not what is expected. */
type Read<V> = (given: string) => V | undefined

/** An option that is read by a function of its own. */
export function parsed<V>(expected: string, described: WithDefault<V>, read: Read<V>): Option<V>
export function parsed<V>(expected: string, described: Described, read: Read<V>): Option<V | undefined>
export function parsed<V>(expected: string, described: Described, read: Read<V>): Option<V | undefined> {
  return { ...described, expected, read: ([given]) => read(given!) }
}

/** An option without which the command does not run. */
export function required<V>(option: Option<V | undefined>): Option<V> {
  return { ...option, required: true } as Option<V>
}

/** An option that a variable of the environment stands for. */
export function orEnvironment<O extends Option<unknown>>(environment: string, option: O): O {
  return { ...option, environment }
}

/** The options of a table under one heading. */
export function group<T extends OptionTable>(heading: string, table: T): T {
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, { ...option, group: heading }]),
  ) as unknown as T
}

/** `batchSize` as it is written: `--batch-size`. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** `a, b or c` */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function toNumber(given: string): number | undefined {
  const value = Number(given)
  return given.trim() === '' || !Number.isFinite(value) ? undefined : value
}

function isInside(value: number, { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity }: Range) {
  return value >= min && value <= max && value > above && value < below
}

/** ` of at least 1`, ` from 1 to 128`, ` above 0 and below 1`; nothing where any will do. */
function rangeText({ min, max, above, below }: Range): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  const least = min !== undefined ? `of at least ${min}` : above !== undefined ? `above ${above}` : undefined
  const most = max !== undefined ? `at most ${max}` : below !== undefined ? `below ${below}` : undefined
  const parts = [least, most].filter((part) => part !== undefined)
  return parts.length > 0 ? ` ${parts.join(' and ')}` : ''
}
