/** What a command is given: its operands, its options with their values checked, and where to write. */
import type { DType } from '../../types/native.js'
import { FaceNetError } from '../errors.js'
import type { DecodeLimits } from '../images/index.js'
import type { DevicePreference } from '../native/check_arguments.js'
import { openSource, PassedOverCounts, type SourceImage, type SourceOptions } from '../sources/index.js'
import { printable } from './common/printable.js'
import { writeStdout } from './common/standard_output.js'
import type { CommonOptions } from './options/common.js'
import type { SourceFlags } from './options/shared.js'

/** The command did its work, but some of its inputs were bad and are already listed on stderr: exit code 1. */
export class PartialFailure extends Error {}

/** `Options` are those that a command has beside the common ones. */
export class Context<Options extends object = object> {
  /** What sources had beside images. */
  readonly passedOver = new PassedOverCounts()

  constructor(
    readonly operands: readonly string[],
    readonly options: CommonOptions & Options,
    /** Names of the options that the command line states. */
    readonly given: ReadonlySet<string>,
    readonly signal: AbortSignal,
  ) {}

  get json(): boolean {
    return this.options.json
  }
  get quiet(): boolean {
    return this.options.quiet
  }

  /** A line on stdout: the command's result. Resolves when there is room for the next one. */
  async print(line: string): Promise<void> {
    await writeStdout(`${printable(line.trimEnd())}\n`)
  }
  /** A line on stderr, unless --quiet. */
  say(line: string): void {
    if (!this.quiet) this.complain(line)
  }
  /** A line on stderr that --quiet does not silence. */
  complain(line: string): void {
    process.stderr.write(`${printable(line)}\n`)
  }

  /** How sources are read; what they pass over is counted. */
  reading(): SourceOptions {
    return { ...this.readingAgain(), onPassedOver: (entry) => this.passedOver.add(entry) }
  }
  /** The images of operands, of which `-` are those whose paths come by standard input; read once. */
  images(operands: readonly string[] = this.operands): AsyncGenerator<SourceImage> {
    return openSource(operands, { ...this.reading(), stdin: process.stdin })
  }
  /** The same for sources that were read before. */
  readingAgain(): SourceOptions {
    const { exclude, maxFileMib, pathColumn } = this.options as Partial<SourceFlags>
    const maxImageBytes = maxFileMib === undefined ? undefined : Math.max(1, Math.floor(maxFileMib * 2 ** 20))
    return { exclude, maxImageBytes, pathColumn, signal: this.signal }
  }
  /** Which images are decoded. */
  limits(): DecodeLimits {
    const { maxMegapixels, allowTruncated } = this.options as Partial<SourceFlags>
    const limitInputPixels = maxMegapixels === undefined ? undefined : Math.max(1, Math.floor(maxMegapixels * 1e6))
    return { limitInputPixels, allowTruncated }
  }
  /** With --json, a last line among lines for images: what was passed over, where there is something. */
  async printPassedOver(): Promise<void> {
    if (this.json && this.passedOver.total > 0) await this.print(JSON.stringify({ passedOver: this.passedOver }))
  }

  /** What opens a model. */
  opening(): { device: DevicePreference; dtype: DType; threads?: number; signal: AbortSignal } {
    const { device, dtype, threads } = this.options
    return { device, dtype, threads, signal: this.signal }
  }
}

/** `message (CODE)`, for people; the stack only where FACENET_DEBUG is set. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (process.env.FACENET_DEBUG) return error.stack ?? error.message
  return error instanceof FaceNetError ? `${error.message} (${error.code})` : error.message
}
