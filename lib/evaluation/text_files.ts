/** Small text files that go with images: lists and tables. */
import { stat } from 'node:fs/promises'
import { readWhole } from '../sources/io.js'

/** @throws FaceNetError ERR_FACENET_IO */
export async function readText(path: string): Promise<string> {
  return Buffer.from(await readWhole(path)).toString('utf8')
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
