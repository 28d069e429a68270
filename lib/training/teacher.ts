/**
 * A model that a network learns from: the network's embeddings are to come close to those that the model gives for the same images,
 * changed at random as they are, so that faces embedded by either can be compared.
 */
import { FaceNetError, invalidArgument } from '../errors.js'
import { centred, type Size } from '../images/geometry.js'
import { warp } from '../images/warp.js'
import type { Model } from '../model/model.js'
import { openModel } from '../model/open.js'
import type { DevicePreference } from '../native/check_arguments.js'
import type { FaceBatch } from './faces_batches.js'

/** What a run has to know of its teacher to go on. */
export interface TeacherSettings {
  /** Model file. */
  path: string
  /** Of the model. */
  fingerprint: string
  /** What the distance to its embeddings weighs, above 0 and at most 1; the loss has the rest. */
  weight: number
  /** Whether a model of another input size is shown the middle of the network's input, resized. */
  resize: boolean
}

/** How a teacher is opened. */
export interface TeacherOptions {
  /** The network that learns. */
  student: { inputSize: Size; dimensions: number; name: string }
  /** Whether a teacher of another input size is shown the middle of the student's input, resized; else it is refused. */
  resize: boolean
  /** Template that the faces of the run are aligned to; null: images are taken whole. */
  template: string | null
  /** Whether a face always looks the same, so that its embedding is computed once and kept. */
  still: boolean
  /** Where the teacher runs. */
  device?: DevicePreference
  /** CPU threads; every core where it is left out. */
  threads?: number
}

/**
 * A model that a network learns from.
 *
 * @example
 * ```ts
 * const teacher = await Teacher.open('large.safetensors', { student: trainer, resize: false, template: null, still: false })
 * const batch = await makeBatch(faces, new Sampler(faces.labels).batch(0), 0, loop.batches.making)
 * const embeddings = await teacher.embed(batch)
 * await trainer.step(batch.images, batch.labels, { teacher: { embeddings } })
 * ```
 */
export class Teacher {
  readonly #kept = new Map<number, Float32Array>()

  private constructor(
    private readonly model: Model,
    private readonly options: TeacherOptions,
  ) {}

  /** Of the model. */
  get fingerprint(): string {
    return this.model.fingerprint
  }

  /**
   * Opens the model and checks that the student can learn from it.
   *
   * @param path of the model file.
   * @param options who learns, and from what images.
   * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the file, ERR_FACENET_INVALID_ARGUMENT where the model has
   *   another input size or dimension than the student, or was made for faces that are cut out in another way.
   */
  static async open(path: string, options: TeacherOptions): Promise<Teacher> {
    const { device, threads } = options
    const model = await openModel(path, { device, threads })
    try {
      checkTeacher(path, model, options)
      return new Teacher(model, options)
    } catch (error) {
      model.dispose()
      throw error
    }
  }

  /**
   * The teacher's embeddings of a batch, one row per image.
   *
   * @param batch as the student sees it.
   * @param signal aborts it.
   */
  async embed({ images, faces }: FaceBatch, signal?: AbortSignal): Promise<Float32Array> {
    const { dimensions } = this.model
    const bytes = images.length / faces.length
    const wanted = [...faces.keys()].filter((i) => !this.#kept.has(faces[i]!))
    const shown = new Uint8Array(wanted.length * bytes)
    for (const [place, i] of wanted.entries()) shown.set(images.subarray(i * bytes, (i + 1) * bytes), place * bytes)
    const rows =
      wanted.length === 0 ? new Float32Array() : await this.model.embed(await this.#resized(shown), { signal })
    const embeddings = new Float32Array(faces.length * dimensions)
    for (const [place, i] of wanted.entries()) {
      const row = rows.subarray(place * dimensions, (place + 1) * dimensions)
      embeddings.set(row, i * dimensions)
      if (this.options.still) this.#kept.set(faces[i]!, row.slice())
    }
    const asked = new Set(wanted)
    for (const [i, face] of faces.entries()) if (!asked.has(i)) embeddings.set(this.#kept.get(face)!, i * dimensions)
    return embeddings
  }

  /** The middle of each image in the teacher's size, which a template fills in the same way. */
  async #resized(images: Uint8Array): Promise<Uint8Array> {
    const { inputSize } = this.options.student
    const size = this.model.inputSize
    if (isSame(size, inputSize)) return images
    const map = centred(inputSize, size, 1)
    const bytes = inputSize.width * inputSize.height * 3
    const crops = Array.from({ length: images.length / bytes }, (_, i) => {
      return { image: { ...inputSize, data: images.subarray(i * bytes, (i + 1) * bytes) }, map }
    })
    const out = new Uint8Array(crops.length * size.width * size.height * 3)
    await warp(crops, size, out)
    return out
  }

  /** Frees the model. */
  close(): Promise<void> {
    return this.model.close()
  }
}

const isSame = (a: Size, b: Size) => a.width === b.width && a.height === b.height
const named = ({ width, height }: Size) => `${width} x ${height} pixels`

function checkTeacher(path: string, model: Model, { student, resize, template }: TeacherOptions): void {
  const refuse = (argument: string, expected: string, received: string, help: string): never => {
    const message = `The teacher ${path} does not fit ${student.name}: expected ${expected} for ${argument} but received ${received}. ${help}`
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument, expected, received })
  }
  if (model.dimensions !== student.dimensions) {
    const help = `What helps: dimensions of ${model.dimensions} for the network that learns`
    refuse('teacher.dimensions', `${student.dimensions} floats`, `${model.dimensions}`, help)
  }
  if (!isSame(model.inputSize, student.inputSize) && !resize) {
    const help = 'What helps: a network of that input, or resizing the middle of its input for the teacher'
    refuse('teacher.inputSize', named(student.inputSize), named(model.inputSize), help)
  }
  const { alignment } = model.metadata
  const ofRun = template ?? 'none'
  if (alignment !== 'none' && alignment !== ofRun) {
    const help = 'What helps: aligning the faces as the teacher needs them'
    refuse('teacher.alignment', ofRun, alignment, help)
  }
}

/** Checks the weight of a teacher. */
export function checkTeacherWeight(weight: unknown, name: string): number {
  if (typeof weight === 'number' && weight > 0 && weight <= 1) return weight
  throw invalidArgument(name, 'a number above 0 and at most 1', weight)
}
