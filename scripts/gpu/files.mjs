// Where `npm run gpu:pack` puts what the GPU check needs beside the sources.
import { join } from 'node:path'
import { root } from '../files.mjs'

export { root }

/** A file of build/gpu. */
export function packed(path) {
  return join(root, 'build/gpu', path)
}
