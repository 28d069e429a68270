/**
 * How images became what a network was given: what decides an embedding besides the model. Rows are comparable only where both
 * were made by one model and prepared alike, so this record travels with rows, with files of rows and with thresholds.
 */
import * as v from 'valibot'
import { FaceNetError, invalidArgument } from '../errors.js'

/** How the rows of `Embeddings` were made, besides the model. `model.preparationOf` says it of the options of a call. */
export interface Preparation {
  /** How the pixels were cut out, as the option `align` says it. */
  readonly align: 'detect' | 'points' | 'center' | 'none'
  /** Where the face was put, for `detect` and `points`. */
  readonly template?: string
  /** The part of each side that was used, for `center`. */
  readonly centerFraction?: number
  /** The name of the detector, for `detect`. */
  readonly detector?: string
  /** Of the detector's file; null for a detector of one's own that states none. */
  readonly detectorFingerprint?: string | null
  /** Whether embeddings are means with those of the mirrored images. */
  readonly flip: boolean
  /** Which version of decoding, resampling and cutting out; it grows where the pixels of a crop change. */
  readonly decode: number
}

/** Of the record in files. */
export const preparationSchema: v.GenericSchema<unknown, Preparation> = v.strictObject({
  align: v.picklist(['detect', 'points', 'center', 'none']),
  template: v.optional(v.pipe(v.string(), v.nonEmpty())),
  centerFraction: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  detector: v.optional(v.string()),
  detectorFingerprint: v.optional(v.nullable(v.pipe(v.string(), v.nonEmpty()))),
  flip: v.boolean(),
  decode: v.pipe(v.number(), v.integer(), v.minValue(1)),
})

/** The version that this package makes. */
export const decodeVersion = 1

/** What a part is called where two records differ in it. */
const fields = ['align', 'template', 'centerFraction', 'detector', 'detectorFingerprint', 'flip', 'decode'] as const

/** What is to be done with rows that were prepared in two ways. */
export interface MixedOptions {
  /**
   * Compares embeddings that were prepared differently (other alignment, template, detector, mirror images), which is an error
   * otherwise: their distances say less, or nothing.
   * @default false
   */
  allowMixed?: boolean
}

/** One of two sides that meet. */
export interface PreparedSide {
  /** Its argument, or its file. */
  name: string
  /** Undefined where nobody said it. */
  preparation: Preparation | undefined
}

/**
 * Throws where both say how they were prepared and say different things; warns where one says it and the other does not.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names both sides and what differs.
 */
export function checkPreparedAlike(a: PreparedSide, b: PreparedSide, allowMixed = false): void {
  if (allowMixed || a.preparation === b.preparation) return
  if (a.preparation === undefined || b.preparation === undefined) {
    const [silent, other] = a.preparation === undefined ? [a, b] : [b, a]
    warnUnknown(silent.name, `; those of ${other.name} were with ${describePreparation(other.preparation!)}`)
    return
  }
  const differing = differences(a.preparation, b.preparation)
  if (differing.length === 0) return
  const [expected, received] = [a, b].map(({ name, preparation }) => {
    return `${name} with ${differing.map((field) => describeField(field, preparation![field])).join(', ')}`
  }) as [string, string]
  const message =
    `Expected embeddings prepared alike but received ${expected}, and ${received}: distances between them mean nothing. ` +
    'Embed one of them again in the way of the other, or allow it with allowMixed: true (--allow-mixed)'
  throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: b.name, expected, received })
}

/** Whether both are known and say the same. */
export function isPreparedAlike(a: Preparation | undefined, b: Preparation | undefined): boolean {
  return a !== undefined && b !== undefined && differences(a, b).length === 0
}

const differences = (a: Preparation, b: Preparation) => fields.filter((field) => a[field] !== b[field])

/** `align detect, template dlib, detector yunet, detectorFingerprint 3f0c..., flip false, decode 1` */
export function describePreparation(preparation: Preparation): string {
  return fields
    .filter((field) => preparation[field] !== undefined)
    .map((field) => describeField(field, preparation[field]))
    .join(', ')
}

function describeField(field: (typeof fields)[number], value: Preparation[typeof field]): string {
  if (value === undefined || value === null) return `no ${field}`
  return `${field} ${typeof value === 'string' && field === 'detectorFingerprint' ? value.slice(0, 12) : value}`
}

/** Of a file or of a caller; undefined stays undefined. Throws ERR_FACENET_INVALID_ARGUMENT for anything but a whole record. */
export function checkPreparation(value: unknown, name: string): Preparation | undefined {
  if (value === undefined) return undefined
  const parsed = v.safeParse(preparationSchema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const where = v.getDotPath(issue)
  const received = issue.message.replace(/^Invalid (key|type): /, '')
  throw invalidArgument(where ? `${name}.${where}` : name, 'the record of a preparation', received)
}

const said = new Set<string>()

/** What is not known is said once, by a `FaceNetWarning` of the process. */
export function warnUnknown(name: string, others = ''): void {
  const what = `Nothing says how the images of ${name} were prepared${others}`
  if (said.has(what)) return
  said.add(what)
  process.emitWarning(`${what}. They are taken for comparable, which holds only where faces were cut out alike`, {
    type: 'FaceNetWarning',
    code: 'FACENET_UNKNOWN_PREPARATION',
  })
}
