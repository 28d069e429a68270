/** The pair lists of YouTube Faces, and which frames belong to which video. */
import { type ImagePair, lineError } from './lfw_pairs.js'

/** As in the official list, whose folds count from 1: `fold, pair, person/video, person/video, same` a line. */
const row = /^\s*(\d+)\s*,\s*(\d+)\s*,\s*([^,]+?\/\d+)\s*,\s*([^,]+?\/\d+)\s*,(?:.*,)?\s*([01])\s*$/

/**
 * Pairs of videos, named `person/video`. A first line that starts with a word is a heading. The official list has a person
 * by person column before the last one in some copies; it is not read.
 *
 * @param text of the list.
 * @param file its name, for error messages.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names the line.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 *
 * const pairs = parseYtfSplits(await readFile('splits.txt', 'utf8'), 'splits.txt')
 * ```
 */
export function parseYtfSplits(text: string, file: string): ImagePair[] {
  const pairs: ImagePair[] = []
  for (const [i, line] of text.replace(/\s+$/, '').split(/\r?\n/).entries()) {
    if (i === 0 && /^\s*[A-Za-z]/.test(line)) continue
    const fields = row.exec(line)
    const fold = Number(fields?.[1])
    if (!fields || fold < 1) {
      throw lineError(file, i + 1, 'fold, pair, person/video, person/video, 1 or 0', JSON.stringify(line.slice(0, 80)))
    }
    pairs.push({ a: fields[3]!, b: fields[4]!, same: fields[5] === '1', fold: fold - 1, line: i + 1 })
  }
  return pairs
}

export interface Frame {
  /** `person/video` */
  video: string
  /** Frames of a video are taken in this order. */
  frame: number
}

/**
 * From a table of tab-separated values with the columns `name` (as `person/image.jpg`), `video` and `frame`: frames by the
 * name of their image. Empty where the table has no such columns.
 */
export function parseFrameTable(text: string, file: string): Map<string, Frame> {
  const lines = text.replace(/\s+$/, '').split(/\r?\n/)
  const header = lines[0]!.split('\t')
  const [name, video, frame] = ['name', 'video', 'frame'].map((column) => header.indexOf(column)) as [
    number,
    number,
    number,
  ]
  const frames = new Map<string, Frame>()
  if (name < 0 || video < 0 || frame < 0) return frames
  for (const [i, line] of lines.slice(1).entries()) {
    const cells = line.split('\t')
    const [person] = (cells[name] ?? '').split('/')
    const number = Number(cells[frame] || Number.NaN)
    if (!person || !cells[video] || !Number.isFinite(number)) {
      throw lineError(file, i + 2, 'a name, a video and the number of a frame', JSON.stringify(line.slice(0, 80)))
    }
    frames.set(cells[name]!, { video: `${person}/${cells[video]}`, frame: number })
  }
  return frames
}

/** Without a table: images lie in `person/video/`, and the numbers in a file's name are the frame's, the last one counting. */
export function frameOfPath(path: string): Frame | undefined {
  const [person, video, file] = path.split(/[/\\]/).slice(-3)
  const number = file
    ?.replace(/\.[^.]+$/, '')
    .match(/\d+/g)
    ?.at(-1)
  return person && video && number ? { video: `${person}/${video}`, frame: Number(number) } : undefined
}

/**
 * Mean squared distance of all n x m pairs of frames of two videos. Since |a - b|² = |a|² + |b|² - 2ab, it is the mean of
 * |a|² plus that of |b|² minus twice the product of the mean vectors, so a video is summed up once (`sumUp`).
 */
export function meanDistance(a: VideoSummary, b: VideoSummary): number {
  let product = 0
  for (const [k, value] of a.mean.entries()) product += value * b.mean[k]!
  return Math.max(0, a.meanSquare + b.meanSquare - 2 * product)
}

/** The embeddings of one video's frames, summed up. */
export interface VideoSummary {
  /** The mean of the embeddings. */
  mean: Float64Array
  /** The mean of their squared lengths. */
  meanSquare: number
}

/** @param embeddings of one length, at least one. */
export function sumUp(embeddings: readonly Float32Array[]): VideoSummary {
  const mean = new Float64Array(embeddings[0]!.length)
  let meanSquare = 0
  for (const embedding of embeddings) {
    for (const [k, value] of embedding.entries()) {
      mean[k]! += value / embeddings.length
      meanSquare += value ** 2 / embeddings.length
    }
  }
  return { mean, meanSquare }
}
