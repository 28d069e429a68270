import type { SchemaElement } from 'hyparquet-writer'
import { PendingFile } from '../pending_file.js'
import type { EmbeddingRow, MissingRow, Output, OutputOptions } from './output.js'
import { aboutColumns, aboutSchema, cellsOf } from './parquet_columns.js'

/** Rows of a row group: encoding one of 128 dimensions takes some 40 ms, in which nothing else runs. */
const groupRows = 1000

/** The three-level list of the Parquet specification, no level of it nullable. */
const schema: SchemaElement[] = [
  { name: 'root', num_children: 2 + aboutColumns.length },
  { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  { name: 'embedding', repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
  ...aboutSchema,
]

export async function parquetOutput(
  path: string,
  { dimensions, fingerprint, preparation }: OutputOptions,
): Promise<Output> {
  // Loaded here because it is an ES module, which the CommonJS build of this package cannot require.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const file = await PendingFile.open(path)
  const bytes = new ByteWriter()
  const kvMetadata = [
    { key: 'fingerprint', value: fingerprint },
    { key: 'dimensions', value: String(dimensions) },
    ...(preparation ? [{ key: 'preparation', value: JSON.stringify(preparation) }] : []),
  ]
  const parquet = new ParquetWriter({ writer: bytes, schema, kvMetadata })
  let waiting: (EmbeddingRow | MissingRow)[] = []

  /** Encodes rows into memory, then moves what has been encoded to the file. */
  const writeGroup = async (rows: readonly (EmbeddingRow | MissingRow)[]) => {
    const cells = rows.map(cellsOf)
    parquet.write({
      columnData: [
        { name: 'path', data: rows.map((row) => row.path), encoding: 'PLAIN' },
        // Floats that look random: neither compression nor a dictionary nor minima help.
        {
          name: 'embedding',
          data: rows.map((row) => ('embedding' in row ? Array.from(row.embedding) : [])),
          encoding: 'PLAIN',
          codec: 'UNCOMPRESSED',
          statistics: false,
        },
        ...aboutColumns.map((name) => ({ name, data: cells.map((row) => row[name]), encoding: 'PLAIN' as const })),
      ],
      rowGroupSize: rows.length,
    })
    await drain()
  }
  const drain = async () => {
    await file.write(bytes.getBytes())
    bytes.index = 0
  }
  const write = async (rows: readonly (EmbeddingRow | MissingRow)[]) => {
    for (const row of rows) {
      waiting.push(row)
      if (waiting.length < groupRows) continue
      await writeGroup(waiting)
      waiting = []
    }
  }
  return {
    write,
    writeMissing: write,
    async close() {
      if (waiting.length > 0) await writeGroup(waiting)
      waiting = []
      parquet.finish()
      await drain()
      await file.commit()
    },
    abort: () => file.abort(),
  }
}
