import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Manifest {
  name: string
  version: string
}

/** This package's folder and manifest: the first one upwards, as sources and compiled files lie at different depths. */
export function packageRoot(): { folder: string; manifest: Manifest } {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'package.json')
    if (!existsSync(path)) continue
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest
    if (manifest.name === 'facenet-native') return { folder, manifest }
  }
  throw new Error('The package.json of facenet-native is missing')
}
