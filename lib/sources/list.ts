/**
 * Lists of images: a path a line (`.txt`, or what another program writes to standard input), or a table with a column of paths
 * (`.csv`, `.tsv`, `.parquet`), whose other columns go with the images.
 */
import { createReadStream } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { cannotRead } from '../errors.js'
import { csvRows } from './list_csv.js'
import { listedLines } from './list_lines.js'
import { parquetRows } from './list_parquet.js'
import type { ListRow } from './list_row.js'

const listName = /\.(txt|csv|tsv|parquet)$/i

export const isList = (path: string): boolean => listName.test(path)

/**
 * The rows of a list, of which no more is in memory than is looked at. Paths are from the list's folder on.
 *
 * @param column which column has the paths; for tables alone.
 * @throws FaceNetError ERR_FACENET_IO where the list cannot be read or is damaged, behind the rows before that;
 *   ERR_FACENET_INVALID_ARGUMENT where a table has no column of paths.
 */
export async function* listRows(list: string, column: string | undefined): AsyncGenerator<ListRow> {
  try {
    for await (const row of rowsOf(list, column)) yield { ...row, path: row.path && beside(list, row.path) }
  } catch (cause) {
    throw cannotRead(list, 'a readable list of paths', cause)
  }
}

function rowsOf(list: string, column: string | undefined): AsyncGenerator<ListRow> {
  if (/\.parquet$/i.test(list)) return parquetRows(list, column)
  if (/\.txt$/i.test(list)) return listedLines(createReadStream(list), list)
  return csvRows(list, column)
}

const beside = (list: string, path: string) => (isAbsolute(path) ? path : join(dirname(list), path))
