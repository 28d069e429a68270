// Which files are newer than which, so that nothing is built twice.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the package. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** Modification time in milliseconds; -Infinity where there is no such file. */
export function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity
}

/** Every file under `path` (or `path` itself), without build outputs and dependencies. */
export function filesUnder(path) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !['build', 'node_modules'].includes(entry.name))
    .flatMap((entry) => filesUnder(join(path, entry.name)))
}

/** Whether `output` is missing or older than any of `inputs`, files or folders relative to the root. */
export function isStale(output, inputs) {
  const built = modified(output)
  return inputs.flatMap((input) => filesUnder(join(root, input))).some((file) => modified(file) > built)
}

/** What the addon is compiled from, as one number: sha-256 over the names and contents of the files. */
export function nativeSourceHash() {
  const hash = createHash('sha256')
  for (const file of nativeSources.flatMap((path) => filesUnder(join(root, path))).sort()) {
    hash
      .update(`${relative(root, file).replaceAll('\\', '/')}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

export const nativeSources = ['CMakeLists.txt', 'native', 'cuda']
