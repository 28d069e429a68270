import { PendingFile } from '../pending_file.js'
import { aboutOf } from './about.js'
import type { EmbeddingRow, MissingRow, Output, OutputOptions } from './output.js'

/** Nine significant digits are the fewest that give every float32 back exactly. */
export function jsonLine(
  row: EmbeddingRow,
  { fingerprint, preparation }: Pick<OutputOptions, 'fingerprint' | 'preparation'>,
): string {
  const values = Array.from(row.embedding, (value) => Number(value.toPrecision(9)))
  const { image, key, face, quality, metadata } = aboutOf(row)
  const about = { image, key, face, quality, metadata }
  return `${JSON.stringify({ path: row.path, embedding: values, fingerprint, preparation, ...about })}\n`
}

export function missingLine({ path, code, error }: MissingRow): string {
  return `${JSON.stringify({ path, code, error })}\n`
}

export async function jsonlOutput(path: string, options: OutputOptions): Promise<Output> {
  const file = await PendingFile.open(path)
  return {
    write: (rows) => file.write(Buffer.from(rows.map((row) => jsonLine(row, options)).join(''))),
    writeMissing: (rows) => file.write(Buffer.from(rows.map(missingLine).join(''))),
    close: () => file.commit(),
    abort: () => file.abort(),
  }
}
