/** Which file the addon is, and why there is none: rules over facts, which the machine gives and tests make up. */
import { join } from 'node:path'
import type { Cause, Located, PlatformPackage, Surroundings } from './facts.js'
import { compareVersions, packaged, platformName } from './platform.js'

/** The addon's file where FACENET_ADDON does not name it, or why there is none. */
export function locate(around: Surroundings): Located | { cause: Cause } {
  const { platform, oldestNode } = around
  if (compareVersions(platform.node, oldestNode) < 0) {
    return { cause: { kind: 'node', node: platform.node, oldest: oldestNode } }
  }
  const built = around.built()
  if (built !== undefined) return { file: built, origin: 'built' }
  const found = findPackage(around)
  return found ? accept(found, around) : { cause: missing(around) }
}

type Found = Required<Pick<Located, 'origin' | 'package'>>

/** The package for CUDA where a driver is there, else that for the CPU; without a driver the first one computes on the CPU too. */
function findPackage(around: Surroundings): Found | undefined {
  const name = platformName(around.platform)
  const withCuda = `${name}-cuda`
  const hasCuda = (packaged as readonly string[]).includes(withCuda)
  const found = (platform: string, origin: 'package' | 'clone'): Found | undefined => {
    const of = origin === 'package' ? around.installed(platform) : around.prebuilt(platform)
    return of && { origin, package: of }
  }
  const inOrder = (origin: 'package' | 'clone') => {
    const cuda = hasCuda ? found(withCuda, origin) : undefined
    return cuda && around.hasDriver() ? cuda : (found(name, origin) ?? cuda)
  }
  return inOrder('package') ?? inOrder('clone')
}

function accept(found: Found, { version, platform }: Surroundings): Located | { cause: Cause } {
  const { name, version: theirs, glibc, folder } = found.package
  if (theirs !== version) return { cause: { kind: 'version', name, theirs, ours: version, origin: found.origin } }
  const { libc, libcVersion } = platform
  if (glibc !== null && libc === 'glibc' && libcVersion !== null && compareVersions(libcVersion, glibc) < 0) {
    return { cause: { kind: 'glibc', name, needed: glibc, here: libcVersion } }
  }
  return { ...found, file: join(folder, 'facenet.node') }
}

/** Of a machine on which no addon was found. */
function missing({ platform, version, isClone, installed }: Surroundings): Cause {
  if (isClone) return { kind: 'clone' }
  const name = platformName(platform)
  const known: readonly string[] = packaged
  if (!known.includes(name)) return { kind: 'platform', platform }
  const others = known.map(installed).filter((found): found is PlatformPackage => found !== undefined)
  if (others.length > 0) return { kind: 'copied', name, others: others.map((other) => other.name), platform }
  return { kind: 'omitted', name, version }
}
