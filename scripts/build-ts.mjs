// Builds dist: ES modules with types by tsc (dist/esm), CommonJS by esbuild, a file for each source
// so that all entries share their classes (dist/cjs), shared types (dist/types).
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isStale, root } from './files.mjs'

const require = createRequire(import.meta.url)
const dist = join(root, 'dist')
const stamp = join(dist, 'cjs/package.json')

/** Whether sources are newer than dist. */
export function tsIsStale() {
  return isStale(stamp, ['lib', 'types', 'tsconfig.json', 'tsconfig.build.json'])
}

/** Builds; throws where a compiler complains. */
export async function buildTs() {
  rmSync(dist, { recursive: true, force: true })
  const tsc = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (tsc.status !== 0) throw new Error('tsc found errors')

  const { build } = await import('esbuild')
  await build({
    entryPoints: sources(join(root, 'lib')),
    outdir: join(dist, 'cjs'),
    outbase: join(root, 'lib'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': true },
    logLevel: 'warning',
    plugins: [{ name: 'file by file', setup: fileByFile }],
  })
  // esbuild names what it makes of a .cts .js.
  const loader = join(dist, 'cjs/native/load')
  renameSync(`${loader}.js`, `${loader}.cjs`)

  // One set of declarations serves both kinds of module: the nearest package.json says which kind a file is.
  const declarations = (source) => !/\.c?js$|\/cli(\/|$)/.test(source)
  cpSync(join(dist, 'esm'), join(dist, 'cjs'), { recursive: true, filter: declarations })
  cpSync(join(root, 'types'), join(dist, 'types'), { recursive: true, filter: (source) => !/test-d/.test(source) })
  writeFileSync(join(dist, 'types/package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(stamp, '{ "type": "commonjs" }\n')
  const cli = join(dist, 'esm/cli/main.js')
  if (existsSync(cli)) chmodSync(cli, 0o755)
}

/** What users may import, which the command line is not. */
function sources(folder) {
  const files = readdirSync(folder, { recursive: true }).filter(
    (path) => /\.c?ts$/.test(path) && !/^cli[/\\]/.test(path),
  )
  return files.map((path) => join(folder, path))
}

/** Packages that are ES modules only, which `require` of Node 20.17 does not take: they go into the files that import them. */
const modulesOnly = /^(d3-(scale|shape)|internmap|d3-[a-z-]+)$/

/** Every import stays an import, but for those packages. */
function fileByFile({ onResolve }) {
  onResolve({ filter: /.*/ }, ({ path, kind, importer }) => {
    if (kind === 'entry-point' || modulesOnly.test(path) || /node_modules/.test(importer)) return undefined
    return { path, external: true }
  })
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildTs().catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
