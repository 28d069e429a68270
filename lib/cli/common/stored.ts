/** Embeddings that were stored, as an operand beside photographs. */
import { invalidArgument } from '../../errors.js'
import { readStored, type StoredRows } from '../../files/outputs/stored.js'
import { assertSameFingerprint, type MixedOptions, type Model } from '../../index.js'

/** Throws where another model made them. */
export async function storedRows(
  path: string,
  { fingerprint, dimensions }: Pick<Model, 'fingerprint' | 'dimensions'>,
  { allowMixed }: MixedOptions,
): Promise<StoredRows> {
  const stored = await readStored(path, { allowMixed })
  assertSameFingerprint(fingerprint, stored.fingerprint)
  if (stored.dimensions === dimensions) return stored
  throw invalidArgument(path, `embeddings of ${dimensions} floats, as the model makes`, stored.dimensions)
}
