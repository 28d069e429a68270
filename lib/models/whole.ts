import { readDetector } from '../files/model/detector_file.js'
import { verifyModel } from '../files/model/model_file.js'
import { isReadable } from './cache.js'
import type { KnownModel } from './known.js'

/** A cache may be damaged: only a file whose fingerprint is that of its contents is taken for the model. */
export async function isWhole({ kind }: KnownModel, file: string): Promise<boolean> {
  if (!(await isReadable(file))) return false
  return (kind === 'detector' ? readDetector(file) : verifyModel(file)).then(
    () => true,
    () => false,
  )
}
