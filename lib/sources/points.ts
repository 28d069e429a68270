/** Five points a face, from a table of tab-separated values with a header line. */
import { basename, dirname, join, resolve } from 'node:path'
import { FaceNetError } from '../errors.js'
import { readTextIfAny } from '../files/read.js'
import { type FivePoints, pointColumns } from '../images/geometry.js'

/** By name, as `keyOfName` has it. */
export type PointsTable = ReadonlyMap<string, FivePoints>

/** Names compare equal however their accents are written: macOS takes letters apart (NFD), and lists are seldom written so. */
export const keyOfName = (name: string): string => name.normalize('NFC')

/** Where a folder's table may be. */
export function pointTablesOf(folder: string): string[] {
  return [`${folder.replace(/[/\\]+$/, '')}.tsv`, join(folder, 'points.tsv')]
}

/**
 * Finds the points of single files: in the table of the file's folder, or in that of the folder above, as where people
 * have a folder each. Each table is read once.
 */
export function pointsFinder(): (file: string) => Promise<FivePoints | undefined> {
  const tables = new Map<string, Promise<PointsTable>>()
  const find = (folder: string, name: string) => {
    if (!tables.has(folder)) tables.set(folder, readPoints(pointTablesOf(folder)))
    return tables.get(folder)!.then((table) => table.get(keyOfName(name)))
  }
  return async (file) => {
    const folder = dirname(resolve(file))
    const inOwn = await find(folder, basename(file))
    return inOwn ?? find(dirname(folder), `${basename(folder)}/${basename(file)}`)
  }
}

/** The table of the first of `paths` that is there; empty where none is. */
export async function readPoints(paths: readonly string[]): Promise<PointsTable> {
  for (const path of paths) {
    const text = await readTextIfAny(path)
    if (text !== null) return parsePoints(text, path)
  }
  return new Map()
}

/**
 * Rows by their `name` column. A table without point columns (it may hold other facts) gives no points, and neither
 * does a row whose point cells are empty.
 *
 * @throws FaceNetError ERR_FACENET_IO where a point is no number.
 */
export function parsePoints(text: string, path: string): PointsTable {
  const lines = text.split(/\r?\n/)
  const header = lines[0]!.split('\t')
  const name = header.indexOf('name')
  const places = pointColumns.map((column) => header.indexOf(column))
  const table = new Map<string, FivePoints>()
  if (name < 0 || places.includes(-1)) return table
  for (let i = 1; i < lines.length; ++i) {
    const cells = lines[i]!.split('\t')
    const values = places.map((place) => cells[place]?.trim() ?? '')
    if (values.every((value) => value === '')) continue
    const points = values.map((value) => (value === '' ? Number.NaN : Number(value)))
    if (!points.every(Number.isFinite)) throw badRow(path, i + 1, values)
    table.set(keyOfName(cells[name]!), points)
  }
  return table
}

function badRow(path: string, line: number, values: string[]): FaceNetError {
  const [argument, expected, received] = [`${path}:${line}`, `numbers in ${pointColumns.join(', ')}`, values.join(' ')]
  const message = `Expected ${expected} for ${argument} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument, expected, received })
}
