// An addon that was compiled elsewhere, for a clone whose native sources it was compiled from.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { nativeSourceHash, root } from './files.mjs'

const packages = join(root, 'packages')
const require = createRequire(import.meta.url)

/**
 * Whether packages/<platform> holds the addon of these sources, after looking for it in the npm registry. The loader takes it
 * where nothing was compiled.
 */
export function hasPrebuilt() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const name = platformName()
  const sources = nativeSourceHash()
  const fits = (folder) => {
    const found = manifest(folder)
    return found?.sources === sources && found.version === version
  }
  if (fits(join(packages, name))) return true
  const fetched = fetch(name, version)
  if (!fetched || !fits(fetched)) return false
  rmSync(join(packages, name), { recursive: true, force: true })
  renameSync(fetched, join(packages, name))
  return true
}

function platformName() {
  const musl = process.platform === 'linux' && require('detect-libc').familySync() === 'musl'
  return `${process.platform}-${process.arch}${musl ? '-musl' : ''}`
}

/** The unpacked package; undefined where the registry has none of that version, or cannot be reached. */
function fetch(name, version) {
  const folder = join(packages, '.fetched')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const npm = spawnSync('npm', ['pack', `@facenet-native/${name}@${version}`, '--loglevel=silent'], {
    cwd: folder,
    stdio: 'ignore',
    timeout: 60_000,
  })
  const tarball = npm.status === 0 && readdirSync(folder).find((file) => file.endsWith('.tgz'))
  if (!tarball) return undefined
  const { status } = spawnSync('tar', ['xzf', tarball], { cwd: folder, stdio: 'ignore' })
  return status === 0 ? join(folder, 'package') : undefined
}

function manifest(folder) {
  const file = join(folder, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
