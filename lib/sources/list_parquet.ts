/** Rows of a Parquet file, a row group at a time. */
import { type FileHandle, open } from 'node:fs/promises'
import * as zlib from 'node:zlib'
import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet'
import { FaceNetError } from '../errors.js'
import { notRegular } from '../files/read_bounded.js'
import { pathColumn } from './list_columns.js'
import { checkPages } from './list_parquet_pages.js'
import type { ListRow } from './list_row.js'

/** What a row group may hold when it is unpacked: it is in memory as a whole. */
const mostGroupBytes = 2 ** 31

export async function* parquetRows(list: string, column: string | undefined): AsyncGenerator<ListRow> {
  // Loaded here because it is an ES module, which the CommonJS build of this package cannot require.
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const handle = await open(list)
  try {
    const file = await bufferOf(handle, list)
    const metadata = await parquetMetadataAsync(file)
    const columns = flatColumns(list, metadata)
    const path = columns[pathColumn(list, columns, column)]!
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows)
      await checkPages(file, group, columns)
      const rows = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors })
      for (const [i, row] of rows.entries()) yield rowOf(row, path, `${list}, row ${rowStart + i + 1}`)
      rowStart = rowEnd
    }
  } catch (cause) {
    throw cause instanceof FaceNetError ? cause : damaged(list, cause)
  } finally {
    await handle.close()
  }
}

function rowOf(row: Record<string, unknown>, path: string, place: string): ListRow {
  const others = Object.entries(row).flatMap(([name, value]) => (name === path ? [] : [[name, plain(value)] as const]))
  const given = row[path]
  return {
    path: typeof given === 'string' && given !== '' ? given : undefined,
    place,
    ...(others.length > 0 && { metadata: Object.fromEntries(others) }),
  }
}

/** As JSON can say it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return value.toISOString()
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  }
  return value ?? null
}

/**
 * The columns of single values. The reader starts on all columns at once, and what it throws of one that fits no column of the schema
 * would end the process: files in which that can happen do not reach it.
 */
function flatColumns(list: string, { schema, row_groups }: FileMetaData): string[] {
  const flat: string[] = []
  let leaves = 0
  for (let i = 1; i < schema.length; i = behind(schema, i)) {
    const { name, num_children, repetition_type } = schema[i]!
    if (!num_children && repetition_type !== 'REPEATED') flat.push(name)
  }
  for (const { num_children } of schema) leaves += num_children ? 0 : 1
  for (const { columns, total_byte_size, num_rows } of row_groups) {
    const paths = columns.map(({ meta_data }) => meta_data?.path_in_schema.join('.'))
    const known = flat.every((name) => paths.filter((path) => path === name).length === 1)
    const whole = columns.every(({ meta_data }, i) => meta_data?.num_values === num_rows || !flat.includes(paths[i]!))
    const unpacked = columns.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0)
    if (!whole || !known || paths.length !== leaves || new Set(paths).size !== leaves) {
      throw damaged(list, new Error('the columns of its row groups are not those of its schema'))
    }
    if (Math.max(unpacked, Number(total_byte_size)) > mostGroupBytes) {
      throw damaged(list, new Error(`a row group of more than ${mostGroupBytes} bytes; write smaller ones`))
    }
  }
  return flat
}

/** The next element of the schema behind one and all that is within it. */
function behind(schema: FileMetaData['schema'], element: number): number {
  let next = element + 1
  for (let child = 0; child < (schema[element]?.num_children ?? 0) && next < schema.length; child++) {
    next = behind(schema, next)
  }
  return next
}

type Unpack = (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array

/** Node 20 has no Zstandard. */
const zstd = (zlib as { zstdDecompressSync?: Unpack }).zstdDecompressSync

/** Beside Snappy, which the reader has. No page becomes longer than it says. */
const compressors: Compressors = {
  GZIP: (packed, maxOutputLength) => zlib.gunzipSync(packed, { maxOutputLength }),
  BROTLI: (packed, maxOutputLength) => zlib.brotliDecompressSync(packed, { maxOutputLength }),
  ...(zstd && { ZSTD: (packed, maxOutputLength) => zstd(packed, { maxOutputLength }) }),
}

async function bufferOf(handle: FileHandle, list: string): Promise<AsyncBuffer> {
  const stats = await handle.stat()
  if (!stats.isFile()) throw notRegular(list, stats)
  return {
    byteLength: stats.size,
    async slice(start, end = stats.size) {
      const wanted = Math.max(0, Math.min(end, stats.size) - start)
      const bytes = new Uint8Array(wanted)
      for (let have = 0; have < wanted; ) {
        const { bytesRead } = await handle.read(bytes, have, wanted - have, start + have)
        if (bytesRead === 0) throw new Error('the file ends before its last column')
        have += bytesRead
      }
      return bytes.buffer
    },
  }
}

function damaged(list: string, cause: unknown): FaceNetError {
  const [expected, received] = ['a whole Parquet file', cause instanceof Error ? cause.message : String(cause)]
  const details = { argument: list, expected, received, cause }
  return new FaceNetError(
    'ERR_FACENET_IO',
    `Expected ${expected} for ${list} but received one of which: ${received}`,
    details,
  )
}
