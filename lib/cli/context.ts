/** What a command is given: its operands, its options with their types checked, and where to write. */
import { once } from 'node:events'
import type { DType } from '../../types/native.js'
import { FaceNetError } from '../errors.js'
import { type DevicePreference, devicePreferences, dtypes } from '../native/check_arguments.js'

/** A command line that makes no sense: exit code 2. */
export class UsageError extends Error {}

/** The command did its work, but some of its inputs were bad and are already listed on stderr: exit code 1. */
export class PartialFailure extends Error {}

export type OptionValues = Record<string, string | boolean | string[] | undefined>

export class Context {
  constructor(
    readonly operands: string[],
    private readonly values: OptionValues,
    readonly signal: AbortSignal,
  ) {}

  get json(): boolean {
    return this.flag('json')
  }
  get quiet(): boolean {
    return this.flag('quiet')
  }

  /** A line on stdout: the command's result. Resolves when there is room for the next one. */
  async print(line: string): Promise<void> {
    if (!process.stdout.write(`${line.trimEnd()}\n`)) await once(process.stdout, 'drain')
  }
  /** A line on stderr, unless --quiet. */
  say(line: string): void {
    if (!this.quiet) process.stderr.write(`${line}\n`)
  }
  /** A line on stderr that --quiet does not silence. */
  complain(line: string): void {
    process.stderr.write(`${line}\n`)
  }

  /** Names of the options on the command line. */
  given(): string[] {
    return Object.keys(this.values)
  }
  flag(name: string): boolean {
    return this.values[name] === true
  }
  text(name: string): string | undefined {
    const [value, ...others] = this.texts(name)
    if (others.length > 0) throw new UsageError(`--${name} is given more than once`)
    return value
  }
  /** Of an option that may be repeated. */
  texts(name: string): string[] {
    const value = this.values[name]
    return Array.isArray(value) ? value : value === undefined ? [] : [value as string]
  }
  required(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new UsageError(`--${name} is missing`)
    return value
  }
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.text(name)
    if (value !== undefined && !allowed.includes(value as T)) {
      throw new UsageError(`--${name} is one of ${allowed.join(', ')}, not ${value}`)
    }
    return value as T | undefined
  }
  number(name: string): number | undefined {
    const value = this.text(name)
    return value === undefined ? undefined : parseNumber(name, value)
  }
  integer(name: string, least: number): number | undefined {
    const value = this.number(name)
    if (value !== undefined && (!Number.isSafeInteger(value) || value < least)) {
      throw new UsageError(`--${name} is an integer of at least ${least}, not ${value}`)
    }
    return value
  }
  /** One number, or several with commas between them. */
  numbers(name: string): number[] | undefined {
    return this.text(name)
      ?.split(',')
      .map((part) => parseNumber(name, part))
  }

  /** The options that open a model or choose a device. */
  modelOptions(): { device?: DevicePreference; dtype?: DType; threads?: number; signal: AbortSignal } {
    return {
      device: this.oneOf('device', devicePreferences),
      dtype: this.oneOf('dtype', dtypes),
      threads: this.integer('threads', 1),
      signal: this.signal,
    }
  }
  modelPath(): string {
    return this.text('model') ?? this.modelPaths()[0]!
  }
  /** Of a command that compares models: at least one. */
  modelPaths(): string[] {
    const paths = this.texts('model')
    const path = process.env.FACENET_MODEL
    if (paths.length === 0 && !path) throw new UsageError('--model is missing, and FACENET_MODEL is not set')
    return paths.length > 0 ? paths : [path!]
  }
}

function parseNumber(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`--${name} is a number, not ${text}`)
  return value
}

/** `message (CODE)`, for people; the stack only where FACENET_DEBUG is set. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (process.env.FACENET_DEBUG) return error.stack ?? error.message
  return error instanceof FaceNetError ? `${error.message} (${error.code})` : error.message
}
