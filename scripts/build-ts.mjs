// Builds dist: ES modules with types by tsc (dist/esm), one CommonJS file by esbuild (dist/cjs), shared types (dist/types).
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
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
    entryPoints: [join(root, 'lib/index.ts')],
    outfile: join(dist, 'cjs/index.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    supported: { 'dynamic-import': true },
    logLevel: 'warning',
  })

  // One set of declarations serves both kinds of module: the nearest package.json says which kind a file is.
  const declarations = (source) => !/\.c?js$/.test(source)
  cpSync(join(dist, 'esm'), join(dist, 'cjs'), { recursive: true, filter: declarations })
  cpSync(join(root, 'types'), join(dist, 'types'), { recursive: true, filter: (source) => !/test-d/.test(source) })
  writeFileSync(join(dist, 'types/package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(stamp, '{ "type": "commonjs" }\n')
  const cli = join(dist, 'esm/cli/main.js')
  if (existsSync(cli)) chmodSync(cli, 0o755)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildTs().catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
