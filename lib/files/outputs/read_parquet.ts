/** Embeddings from the Parquet files that `parquet.ts` writes: columns `path` and `embedding`, the rest in the file's metadata. */
import type { AsyncBuffer, FileMetaData } from 'hyparquet'
import type { Embeddings } from '../../embeddings/embeddings.js'
import { checkPreparation, warnUnknown } from '../../embeddings/preparation.js'
import { describe, FaceNetError, invalidArgument } from '../../errors.js'
import { readAtMost } from '../read_bounded.js'
import { checkMissing, type RowAbout, type StoredMissing } from './about.js'
import { aboutColumns, aboutOfCells, aboutSchema } from './parquet_columns.js'
import { checkPages } from './parquet_pages.js'

type PathRows = Embeddings & { paths: string[]; about?: RowAbout[]; missing?: StoredMissing[] }

const maxFileBytes = 2 ** 31 - 2
/** At a time: a row is an array of numbers until it is copied. */
const chunkRows = 1000
/** What compression may save of floats that look random, and more. */
const mostTimes = 4

export async function readParquet(path: string): Promise<PathRows> {
  const bytes = await readAtMost(path, maxFileBytes, (size) =>
    invalidArgument(path, `a file of at most ${maxFileBytes} bytes`, `${size} bytes`),
  )
  try {
    return await read(path, Uint8Array.from(bytes).buffer)
  } catch (cause) {
    if (cause instanceof FaceNetError) throw cause
    throw invalidArgument(path, 'a whole Parquet file', cause instanceof Error ? cause.message : String(cause))
  }
}

async function read(path: string, file: ArrayBuffer): Promise<PathRows> {
  // Loaded here because it is an ES module, which the CommonJS build of this package cannot require.
  const { parquetMetadata, parquetReadObjects } = await import('hyparquet')
  const metadata = parquetMetadata(file)
  const { fingerprint, dimensions, preparation } = madeWith(path, metadata)
  const hasAbout = checkColumns(path, metadata)
  const rows = Number(metadata.num_rows)
  // A row without an embedding counts as one value.
  const values = metadata.row_groups.reduce((sum, { columns }) => sum + Number(columns[1]!.meta_data!.num_values), 0)
  if (
    !(
      rows >= 0 &&
      rows <= values &&
      values <= rows * dimensions &&
      values * 4 <= mostTimes * file.byteLength + rows * 4
    )
  ) {
    throw invalidArgument(path, `as many rows of ${dimensions} floats as the file has room for`, `${metadata.num_rows}`)
  }
  for (const { columns } of metadata.row_groups) {
    for (const [i, { meta_data }] of columns.entries()) {
      checkPages(path, new Uint8Array(file), meta_data!, i === 1 ? rows * dimensions : rows)
    }
  }
  const [paths, about, missing]: [string[], RowAbout[], StoredMissing[]] = [[], [], []]
  const data = new Float32Array(values)
  for (let rowStart = 0; rowStart < rows; rowStart += chunkRows) {
    const rowEnd = Math.min(rows, rowStart + chunkRows)
    const columns = ['path', 'embedding', ...(hasAbout ? aboutColumns : [])]
    const objects = await parquetReadObjects({ file: asBuffer(file), metadata, columns, rowStart, rowEnd })
    for (const row of objects) {
      const { path: image, embedding, error, code } = row as Record<string, unknown>
      const place = paths.length + missing.length
      if (typeof error === 'string') {
        missing.push(checkMissing({ path: image, code, error }, `${path}, row ${place}`))
        continue
      }
      const floats = Array.isArray(embedding) || ArrayBuffer.isView(embedding) ? (embedding as ArrayLike<number>) : []
      const sound = floats.length === dimensions && Array.from(floats).every((value) => typeof value === 'number')
      if (typeof image !== 'string' || !sound || place === rows) {
        throw invalidArgument(`${path}, row ${place}`, `a path and ${dimensions} floats`, describe(embedding))
      }
      data.set(floats, paths.push(image) * dimensions - dimensions)
      if (hasAbout) about.push(aboutOfCells(row as Record<string, unknown>, `${path}, row ${place}`))
    }
  }
  if (paths.length + missing.length !== rows)
    throw invalidArgument(path, `${rows} rows`, `${paths.length + missing.length}`)
  if (!preparation) warnUnknown(path)
  const made = { dimensions, fingerprint, ...(preparation && { preparation }), ...(hasAbout && { about, missing }) }
  return { paths, data: data.subarray(0, paths.length * dimensions), rows: paths.length, ...made }
}

/**
 * The reader starts on all columns at once, and what it throws of one that fits no column of the schema ends the process: only
 * files with the columns that `parquet.ts` writes reach it, or with path and embedding alone. Whether there are the others.
 */
function checkColumns(path: string, { schema, row_groups }: FileMetaData): boolean {
  const described = schema.map(({ name, type, repetition_type, num_children }) =>
    [name, type, repetition_type, num_children].filter((part) => part !== undefined).join(' '),
  )
  const hasAbout = schema.length > 5
  const ours = [
    `root ${hasAbout ? 2 + aboutColumns.length : 2}`,
    'path BYTE_ARRAY REQUIRED',
    'embedding REQUIRED 1',
    'list REPEATED 1',
    'element FLOAT REQUIRED',
    ...(hasAbout ? aboutSchema.map(({ name, type }) => `${name} ${type} OPTIONAL`) : []),
  ]
  const wanted = ['path', 'embedding.list.element', ...(hasAbout ? aboutColumns : [])].join()
  const names = row_groups.map(({ columns }) =>
    columns.map(({ meta_data }) => meta_data?.path_in_schema.join('.')).join(),
  )
  if (described.join() === ours.join() && names.every((each) => each === wanted)) return hasAbout
  throw invalidArgument(path, 'the columns path and embedding, as embed writes them', described.join(', '))
}

const asBuffer = (file: ArrayBuffer): AsyncBuffer => ({
  byteLength: file.byteLength,
  slice: (start, end) => file.slice(start, end),
})

function madeWith(path: string, { key_value_metadata: entries = [] }: FileMetaData) {
  const stated = new Map(entries.map(({ key, value }) => [key, value]))
  const [fingerprint, text] = [stated.get('fingerprint'), stated.get('preparation')]
  const dimensions = Number(stated.get('dimensions'))
  if (!fingerprint || !Number.isSafeInteger(dimensions) || dimensions < 1) {
    throw invalidArgument(path, 'fingerprint and dimensions in its metadata, as embed writes them', 'others or none')
  }
  const preparation = text === undefined ? undefined : checkPreparation(parsed(text), `${path}: preparation`)
  return { fingerprint, dimensions, preparation }
}

/** What is no JSON is no record either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
