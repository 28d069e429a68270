// What a built addon may ask of the machine it is loaded on, and of who installs it.
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/** The most that everybody is to download, in MB. The package with CUDA is for those who ask for it. */
const packedLimit = 12

const systemLibraries = {
  glibc: /^(libc|libm|libpthread|libdl|librt|ld-linux-x86-64|ld-linux-aarch64)\.so\.\d+$/,
  musl: /^(libc\.so|libc\.musl-\w+\.so\.1)$/,
}

/** What is wrong with the addon of a target: empty, or a line for each thing. */
export function problemsOf(target, addon) {
  const packed = gzipSync(readFileSync(addon)).length / 1e6
  const size =
    packed > packedLimit && !target.cuda ? [`is ${packed.toFixed(1)} MB packed, of at most ${packedLimit}`] : []
  return target.os === 'linux' ? [...size, ...linuxProblems(target, addon)] : size
}

function linuxProblems(target, addon) {
  const dynamic = read(['-W', '--dynamic', addon])
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1])
  const problems = needed
    .filter((library) => !systemLibraries[target.libc].test(library))
    .map((library) => `needs ${library}, which not every machine has`)
  const floor = glibcFloor(addon)
  if (target.glibc && isNewer(floor, target.glibc))
    problems.push(`needs glibc ${floor}, but ${target.glibc} is promised`)
  return problems
}

/** The newest version of glibc that a symbol of the addon asks for. */
export function glibcFloor(addon) {
  const versions = [...read(['-W', '--version-info', addon]).matchAll(/GLIBC_([\d.]+)/g)].map((match) => match[1])
  return versions.reduce((newest, version) => (isNewer(version, newest) ? version : newest), '0')
}

function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number))
  for (let i = 0; i < Math.max(a.length, b.length); ++i) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0)
  }
  return false
}

function read(args) {
  const { status, stdout, stderr, error } = spawnSync('readelf', args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (error) throw new Error(`readelf (Debian: binutils) could not be run: ${error.message}`)
  if (status !== 0) throw new Error(`readelf: ${stderr}`)
  return stdout
}

export const megabytes = (path) => (statSync(path).size / 1e6).toFixed(1)
