import { PendingFile } from '../pending_file.js'
import type { EmbeddingRow, MissingRow, Output, OutputOptions } from './output.js'

/** Nine significant digits are the fewest that give every float32 back exactly. */
export function jsonLine(
  { path, embedding, face, metadata }: EmbeddingRow,
  { fingerprint, preparation }: Pick<OutputOptions, 'fingerprint' | 'preparation'>,
): string {
  const values = Array.from(embedding, (value) => Number(value.toPrecision(9)))
  return `${JSON.stringify({ path, embedding: values, fingerprint, preparation, face, metadata })}\n`
}

export function missingLine({ path, error }: MissingRow): string {
  return `${JSON.stringify({ path, error })}\n`
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
