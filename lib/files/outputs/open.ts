/** Embeddings to a file, row by row as they are computed. The file's ending says in which format. */
import { extname } from 'node:path'
import { checkPreparation } from '../../embeddings/preparation.js'
import { describe, invalidArgument } from '../../errors.js'
import { jsonlOutput } from './jsonl.js'
import { npyOutput } from './npy.js'
import type { Output, OutputOptions } from './output.js'
import { parquetOutput } from './parquet.js'

const formats: Record<string, (path: string, options: OutputOptions) => Promise<Output>> = {
  '.npy': npyOutput,
  '.jsonl': jsonlOutput,
  '.parquet': parquetOutput,
}

/**
 * - `.npy`: float32, rows x dimensions; beside it `<name>.npy.json` holds `fingerprint`, `dimensions`, `preparation`, `paths`, in
 *   `about` what is known of each row, and in `missing` images without one.
 * - `.jsonl`: a line a row, `{"path","embedding","fingerprint","preparation"}`, and what is known of it: `image`, `key`, `face`,
 *   `quality`, `metadata`; `{"path","code","error"}` for an image without an embedding.
 * - `.parquet`: columns `path` and `embedding` (list of float), and one for each of these facts, empty where nobody said it; an image
 *   without an embedding is a row whose `error` says why, and whose list is empty. `fingerprint`, `dimensions` and, as JSON,
 *   `preparation` are in the file's metadata.
 *
 * The file appears under its name when it is closed. Until then, and after any failure, what was there stays.
 *
 * @param path of the file; its ending says the format.
 * @param options dimensions, and the model's fingerprint.
 * @throws FaceNetError ERR_FACENET_IO, as its methods do, where the disk refuses; ERR_FACENET_INVALID_ARGUMENT for
 *   another ending.
 *
 * @example
 * ```ts
 * const { dimensions, fingerprint } = model
 * const output = await openOutput('faces.parquet', { dimensions, fingerprint })
 * for await (const row of model.embedStream('photos/')) await output.write([row])
 * await output.close()
 * ```
 */
export async function openOutput(path: string, options: OutputOptions): Promise<Output> {
  const format = formats[extname(path).toLowerCase()]
  if (!format) throw invalidArgument('out', `a name ending in ${Object.keys(formats).join(', ')}`, describe(path))
  checkPreparation(options.preparation, 'options.preparation')
  const output = await format(path, options)
  return {
    async write(rows) {
      for (const { path, embedding } of rows) {
        if (embedding.length === options.dimensions) continue
        throw invalidArgument(`embedding of ${path}`, `${options.dimensions} values`, `${embedding.length}`)
      }
      await output.write(rows)
    },
    writeMissing: (rows) => output.writeMissing(rows),
    close: () => output.close(),
    abort: () => output.abort(),
  }
}
