/** An npm registry with our packages, for tests of their installation. What it does not have comes from the registry that npm is set to. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface Registry {
  address: string
  /** The packed file of each package, by the package's name. */
  tarballs: Record<string, string>
  close(): void
}

interface Manifest {
  name: string
  version: string
}

/** `folders`: of packages; they are packed into `tarballs`. */
export async function serve(folders: readonly string[], tarballs: string): Promise<Registry> {
  const packages = new Map(
    folders.map((folder) => pack(folder, tarballs)).map((packed) => [packed.manifest.name, packed]),
  )
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/$/, '')
  let address = ''
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/')
    const tarball = path.match(/^\/tarballs\/(.+)$/)?.[1]
    if (tarball) return response.end(readFileSync(join(tarballs, tarball)))
    const found = packages.get(path.slice(1))
    if (found) return response.end(JSON.stringify(packument(found, address)))
    if (path.startsWith('/@facenet-native/')) return response.writeHead(404).end('{}')
    response.writeHead(302, { location: `${upstream}${request.url}` }).end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const files = [...packages].map(([name, { tarball }]) => [name, tarball] as const)
  return { address, tarballs: Object.fromEntries(files), close: () => server.close() }
}

interface Packed {
  manifest: Manifest
  tarball: string
  integrity: string
}

function pack(folder: string, tarballs: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', tarballs]
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }))
  const digest = createHash('sha512')
    .update(readFileSync(join(tarballs, filename)))
    .digest('base64')
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return { manifest, tarball: filename, integrity: `sha512-${digest}` }
}

function packument({ manifest, tarball, integrity }: Packed, address: string) {
  const { name, version } = manifest
  const dist = { tarball: `${address}/tarballs/${tarball}`, integrity }
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
}
