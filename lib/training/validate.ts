/** Accuracy on pairs of faces that are not trained on, while a network is trained. */
import { FaceNetError } from '../errors.js'
import { type CheckedPairs, checkPairs, evaluatePairs } from '../evaluation/evaluate_pairs.js'
import { type ImagePair, parseLfwPairs } from '../evaluation/lfw_pairs.js'
import { readText } from '../files/read.js'
import { type FaceOptions, type FaceStore, openFaces } from './faces.js'

export interface ValidationResult {
  /** Mean over ten folds, each judged by the threshold of the other nine. */
  accuracy: number
  threshold: number
  /** At the lowest FAR that the pairs can show; null where there are too few. */
  val: number | null
  far: number | null
}

/** A trainer, or anything else that embeds images as `trainer.embed` does. */
export interface Embedder {
  readonly dimensions: number
  embed(images: Uint8Array): Promise<Float32Array>
}

/** Faces embedded at a time. */
const batch = 128

export class Validation {
  private constructor(
    private readonly faces: FaceStore,
    private readonly pairs: readonly ImagePair[],
    private readonly file: string,
  ) {}

  /** `file`: pairs as Labeled Faces in the Wild writes them; `sources`: where the images are, placed as those trained on. */
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

  async measure(embedder: Embedder): Promise<ValidationResult> {
    const { distances, same } = await this.distances(embedder)
    const result = await evaluatePairs(distances, same, tenFolds(same), { unequalFolds: true })
    const shown = result.val.filter(({ val }) => val !== null).at(-1)
    const { accuracy, threshold } = result
    return { accuracy, threshold, val: shown?.val ?? null, far: shown?.far ?? null }
  }

  /** Squared, of the pairs in their order. */
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
