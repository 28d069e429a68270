import { exactNumbers } from '../../embeddings/exact_numbers.js'
import { PendingFile } from '../pending_file.js'
import { aboutOf } from './about.js'
import type { EmbeddingRow, MissingRow, Output, OutputOptions } from './output.js'

export function jsonLine(
  row: EmbeddingRow,
  { fingerprint, preparation }: Pick<OutputOptions, 'fingerprint' | 'preparation'>,
): string {
  const embedding = exactNumbers(row.embedding)
  return `${JSON.stringify({ path: row.path, embedding, fingerprint, preparation, ...aboutOf(row) })}\n`
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
