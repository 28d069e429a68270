/** The embedding of one face: what a comparison needs of each side, and refuses to do without. */
import type { StoredRows } from '../../files/outputs/stored.js'
import type { DecodeLimits } from '../../images/index.js'
import { FaceNetError, type Model } from '../../index.js'
import { openSource, type SourceImage, type SourceOptions } from '../../sources/index.js'
import type { Alignment } from '../common/alignment.js'

/**
 * Of the one photograph that `operand` names, the one face that `how` chooses.
 *
 * @throws FaceNetError where there is no photograph or more than one, no such face, or no usable embedding of it.
 */
export async function embedOne(
  model: Model,
  operand: string,
  how: Alignment & DecodeLimits,
  reading: SourceOptions,
): Promise<Float32Array> {
  const photograph = await onePhotograph(operand, reading)
  const onError = ({ error }: { error: Error }) => {
    throw error
  }
  const rows: Float32Array[] = []
  const options = { ...how, signal: reading.signal, onError }
  for await (const { embedding } of model.embedStream([photograph], options)) {
    rows.push(embedding)
  }
  if (rows.length !== 1) throw refusal('ERR_FACENET_FACE_COUNT', operand, 'one face', `${rows.length}`)
  return usable(operand, rows[0]!)
}

/** The one face of a file of embeddings. Throws where there is none or more, or where the embedding says nothing. */
export function storedOne(operand: string, { paths, data }: StoredRows): Float32Array {
  if (paths.length === 1) return usable(operand, data)
  const some = paths.slice(0, 3).join(', ')
  const received = paths.length === 0 ? 'none' : `${paths.length}: ${some}${paths.length > 3 ? ', ...' : ''}`
  throw refusal('ERR_FACENET_FACE_COUNT', operand, 'one face in the file', received)
}

function usable(operand: string, row: Float32Array): Float32Array {
  // NaN compares as different from everything, and zeros as equal to other zeros: neither says anything of a face.
  if (!row.every(Number.isFinite)) {
    throw refusal('ERR_FACENET_NOT_FINITE', operand, 'an embedding of finite numbers', 'NaN or infinity')
  }
  if (row.every((value) => value === 0)) {
    throw refusal('ERR_FACENET_NOT_FINITE', operand, 'an embedding that has a direction', 'zeros only')
  }
  return row
}

/** A file is one by itself; a folder or an archive where it holds no other. */
async function onePhotograph(operand: string, reading: SourceOptions): Promise<SourceImage> {
  const found: SourceImage[] = []
  for await (const image of openSource(operand, reading)) {
    // Of a folder of many, the second is as good a reason as all the others.
    if (found.push(image) === 2) break
  }
  if (found.length === 1) return found[0]!
  const received = found.length === 0 ? 'a folder or archive without images' : 'a folder or archive with several'
  throw refusal('ERR_FACENET_INVALID_ARGUMENT', operand, 'one photograph', `${received}: name an image file`)
}

function refusal(code: FaceNetError['code'], argument: string, expected: string, received: string): FaceNetError {
  const message = `Expected ${expected} for ${argument} but received ${received}`
  return new FaceNetError(code, message, { argument, expected, received })
}
