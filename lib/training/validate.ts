/** Accuracy on pairs of faces that are not trained on, while a network is trained. */
import { FaceNetError } from '../errors.js'
import { type CheckedPairs, checkPairs, evaluatePairs } from '../evaluation/evaluate_pairs.js'
import { type ImagePair, parseLfwPairs } from '../evaluation/lfw_pairs.js'
import { readText } from '../files/read.js'
import { type FaceOptions, type FaceStore, openFaces } from './faces.js'

/** Accuracy on pairs of faces, and VAL at a FAR. */
export interface ValidationResult {
  /** Mean over ten folds, each judged by the threshold of the other nine. */
  accuracy: number
  /** Mean over the folds, squared L2. */
  threshold: number
  /** VAL at that FAR, 0..1; null where there are too few pairs. */
  val: number | null
  /** The lowest FAR that the pairs can show. */
  far: number | null
}

/** A trainer, or anything else that embeds images as `trainer.embed` does. */
export interface Embedder {
  /** Floats per embedding. */
  readonly dimensions: number
  /**
   * Embeds images of the network's input size.
   *
   * @param images N x height x width x 3 bytes of RGB.
   * @returns N x dimensions floats.
   */
  embed(images: Uint8Array): Promise<Float32Array>
}

/** Faces embedded at a time. */
const batch = 128

/**
 * Measures a network on a list of pairs while it is trained.
 *
 * @example
 * ```ts
 * const validation = await Validation.open('pairs.txt', ['lfw/'], {
 *   input: { width: 116, height: 140 },
 *   border: 0,
 *   memoryBytes: 2 ** 28,
 * })
 * const { accuracy } = await validation.measure(trainer)
 * ```
 */
export class Validation {
  private constructor(
    private readonly faces: FaceStore,
    private readonly pairs: readonly ImagePair[],
    private readonly file: string,
  ) {}

  /**
   * Finds the images of a list of pairs.
   *
   * @param file the pairs, as Labeled Faces in the Wild writes them.
   * @param sources folders and tar archives with the images; they are cut out as those trained on.
   * @param options how faces are cut out.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names the line of an image that is missing.
   */
  static async open(file: string, sources: readonly string[], options: FaceOptions): Promise<Validation> {
    const pairs = parseLfwPairs(await readText(file), file)
    const named = new Set(pairs.flatMap(({ a, b }) => [a, b]))
    const { identities: _, ...everybody } = options
    const faces = await openFaces(sources, { ...everybody, border: 0, wanted: (key) => named.has(key) })
    const there = new Set(faces.keys)
    for (const { a, b, line } of pairs) {
      for (const name of [a, b]) if (!there.has(name)) throw missing(`${file}:${line}`, name)
    }
    return new Validation(faces, pairs, file)
  }

  /**
   * Accuracy over ten folds, VAL and threshold.
   *
   * @param embedder the trainer, or something else that embeds.
   */
  async measure(embedder: Embedder): Promise<ValidationResult> {
    const { distances, same } = await this.distances(embedder)
    const result = await evaluatePairs(distances, same, tenFolds(same), { unequalFolds: true })
    const shown = result.val.filter(({ val }) => val !== null).at(-1)
    const { accuracy, threshold } = result
    return { accuracy, threshold, val: shown?.val ?? null, far: shown?.far ?? null }
  }

  /**
   * Squared L2 distances of the pairs, in their order.
   *
   * @param embedder the trainer, or something else that embeds.
   */
  async distances(embedder: Embedder): Promise<CheckedPairs> {
    const embeddings = await this.#embed(embedder)
    const distances = this.pairs.map(({ a, b, line }) => {
      const [first, second] = [embeddings.get(a), embeddings.get(b)]
      if (!first || !second) throw missing(`${this.file}:${line}`, first ? b : a)
      return first.reduce((sum, value, k) => sum + (value - second[k]!) ** 2, 0)
    })
    return checkPairs(
      distances,
      this.pairs.map((pair) => pair.same),
    )
  }

  async #embed(embedder: Embedder): Promise<Map<string, Float32Array>> {
    const { width, height } = this.faces.size
    const { keys } = this.faces
    const { dimensions } = embedder
    const bytes = width * height * 3
    const embeddings = new Map<string, Float32Array>()
    for (let start = 0; start < keys.length; start += batch) {
      const count = Math.min(batch, keys.length - start)
      const images = new Uint8Array(count * bytes)
      const read = await Promise.all(Array.from({ length: count }, (_, i) => this.faces.read(start + i)))
      for (const [i, face] of read.entries()) if (face) images.set(face, i * bytes)
      const rows = await embedder.embed(images)
      for (const [i, face] of read.entries()) {
        if (face) embeddings.set(keys[start + i]!, rows.subarray(i * dimensions, (i + 1) * dimensions))
      }
    }
    return embeddings
  }
}

/** The same number of pairs of each kind in every fold, or one more. */
function tenFolds(same: Uint8Array): Int32Array {
  const next = [0, 0]
  return Int32Array.from(same, (kind) => next[kind]!++ % 10)
}

function missing(argument: string, name: string): FaceNetError {
  const message = `Expected images that are there for ${argument} but received ${name}, which is missing or damaged`
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument, received: name })
}
