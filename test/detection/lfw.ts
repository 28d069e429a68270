/** Crops of Labeled Faces in the Wild with the box and the five points that YuNet found on the uncropped photographs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { overlap } from '../../lib/detection/nms.js'
import type { DetectedFace, FaceBox, RgbImage } from '../../lib/detection/types.js'
import { decodeImage } from '../../lib/images/index.js'
import { openSource } from '../../lib/sources/index.js'
import { data } from '../importers/support.js'

export const lfw = join(data, 'lfw/lfw.tar')

export interface KnownFace {
  image: RgbImage
  box: FaceBox
  points: number[]
}

/** Every `step`th crop, at most `count`. */
export async function readLfw(count: number, step: number): Promise<KnownFace[]> {
  const rows = (await readFile(join(data, 'lfw/lfw.tsv'), 'utf8')).trim().split('\n').slice(1)
  const known = new Map(
    rows.map((row) => {
      const [name, ...values] = row.split('\t')
      return [name!, values.map(Number)] as const
    }),
  )
  const faces: KnownFace[] = []
  let index = 0
  for await (const { path, read } of openSource(lfw)) {
    if (faces.length === count) break
    if (index++ % step !== 0) continue
    const [x, y, width, height, ...points] = known.get(path.slice(lfw.length + 1))!
    faces.push({
      image: await decodeImage(await read()),
      box: { x: x!, y: y!, width: width!, height: height! },
      points,
    })
  }
  return faces
}

export interface Agreement {
  /** Share of the images in which a face was found. */
  found: number
  /** Of the face that overlaps most with the known one. */
  medianIou: number
  /** Mean distance of the five points, in pixels. */
  medianPointError: number
}

export function agreement(known: readonly KnownFace[], detected: readonly DetectedFace[][]): Agreement {
  const pairs = known.flatMap(({ box, points }, i) => {
    const faces = detected[i]!.map((face) => ({ face, iou: overlap(face.box, box) })).sort((a, b) => b.iou - a.iou)
    return faces[0] ? [{ iou: faces[0].iou, error: pointError(faces[0].face.points, points) }] : []
  })
  return {
    found: pairs.length / known.length,
    medianIou: median(pairs.map(({ iou }) => iou)),
    medianPointError: median(pairs.map(({ error }) => error)),
  }
}

function pointError(a: readonly number[], b: readonly number[]): number {
  const distances = [0, 2, 4, 6, 8].map((i) => Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!))
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
