/** What a row says of its face as columns of Parquet: flat, so that data frames read them, and empty where nobody said it. */
import type { SchemaElement } from 'hyparquet-writer'
import { pointColumns } from '../../images/geometry.js'
import type { FaceQuality } from '../../images/quality.js'
import { aboutOf, checkAbout, type RowAbout, type StoredMissing } from './about.js'
import type { EmbeddingRow } from './output.js'

type Cell = string | number | null

const box = ['bx', 'by', 'bw', 'bh'] as const
const points = pointColumns
const qualities = ['size', 'sharpness', 'yaw', 'pitch', 'roll', 'norm'] as const
const texts = ['image', 'key', 'metadata', 'code', 'error'] as const
const integers = ['face', 'turn'] as const

/** In the order of the file. Box and points are named as in tables of points. */
export const aboutColumns = [
  'image',
  'key',
  'face',
  ...box,
  'score',
  'turn',
  ...points,
  ...qualities,
  'metadata',
  'code',
  'error',
] as const
type Column = (typeof aboutColumns)[number]

const isOneOf = <T extends string>(list: readonly T[], name: string): name is T => list.includes(name as T)

export const aboutSchema: SchemaElement[] = aboutColumns.map((name) => ({
  name,
  repetition_type: 'OPTIONAL',
  ...(isOneOf(texts, name)
    ? { type: 'BYTE_ARRAY', converted_type: 'UTF8' }
    : { type: isOneOf(integers, name) ? 'INT32' : 'DOUBLE' }),
}))

export function cellsOf(row: EmbeddingRow | StoredMissing): Record<Column, Cell> {
  const cells = Object.fromEntries(aboutColumns.map((name) => [name, null])) as Record<Column, Cell>
  if (!('embedding' in row)) return { ...cells, image: row.path, code: row.code ?? null, error: row.error }
  const { image, key, face, quality, metadata } = aboutOf(row)
  Object.assign(cells, { image: image ?? null, key: key ?? null, metadata: metadata ? JSON.stringify(metadata) : null })
  if (face) {
    const { x, y, width, height } = face.box
    for (const [i, side] of [x, y, width, height].entries()) cells[box[i]!] = side
    for (const [i, value] of face.points.entries()) cells[points[i]!] = value
    Object.assign(cells, { face: face.index ?? null, score: face.score, turn: face.turn ?? null })
  }
  if (quality) for (const name of qualities) cells[name] = quality[name] ?? null
  return cells
}

/** Of a row of the file. */
export function aboutOfCells(cells: Readonly<Record<string, unknown>>, name: string): RowAbout {
  const known = (list: readonly string[]) => list.map((column) => cells[column] ?? null)
  const [x, y, width, height] = known(box)
  const face =
    x === null
      ? undefined
      : {
          box: { x, y, width, height },
          score: cells.score,
          points: known(points).filter((value) => value !== null),
          ...(cells.turn != null && { turn: cells.turn }),
          ...(cells.face != null && { index: cells.face }),
        }
  const quality =
    cells.sharpness == null
      ? undefined
      : (Object.fromEntries(
          qualities.flatMap((part) => (part === 'norm' && cells[part] == null ? [] : [[part, cells[part] ?? null]])),
        ) as unknown as FaceQuality)
  return checkAbout({ image: cells.image, key: cells.key, face, quality, metadata: parsed(cells.metadata) }, name)
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
