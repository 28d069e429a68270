// `npm run asan`: the addon's CPU part with AddressSanitizer and UndefinedBehaviorSanitizer over a part of the tests, under stock Node, and
// LeakSanitizer over a program of what threads share. `npm run tsan`: the same program under ThreadSanitizer. `-- --runner` leaves the addon out, whose
// build takes minutes; other arguments select test files.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { root } from './files.mjs'

const [kind, ...rest] = process.argv.slice(2)
const folder = join(root, 'build', kind)
mkdirSync(folder, { recursive: true })

function run(command, args, env = {}) {
  console.log(`\n${command} ${args.join(' ')}`)
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}`)
}

const sanitizers = { asan: 'address,undefined', tsan: 'thread' }
const sources = ['core/thread_pool.cc', 'core/team.cc', 'images/jpeg.cc', 'images/place_rows.cc'].map(
  (name) => `native/${name}`,
)
const flags = [
  '-std=c++20',
  '-O1',
  '-g',
  '-I.',
  '-DFACENET_JPEG',
  `-fsanitize=${sanitizers[kind]}`,
  '-fno-sanitize-recover=all',
]
const runner = join(folder, 'runner')
run('g++', [...flags, 'test/sanitizers/runner.cc', ...sources, '-ljpeg', '-pthread', '-o', runner])

const [width, height] = [160, 120]
const noise = { width, height, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 60 }, background: '#888' }
const jpeg = join(folder, 'noise.jpg')
writeFileSync(jpeg, await sharp({ create: noise }).jpeg({ progressive: true }).toBuffer())
run(runner, [jpeg, String(width), String(height)], { ASAN_OPTIONS: 'detect_leaks=1', TSAN_OPTIONS: 'halt_on_error=1' })

if (kind === 'asan' && !rest.includes('--runner')) {
  run('npm', ['run', 'build:native', '--', '--asan', '--CDFACENET_CUDA=OFF'])
  const library = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim()
  const tests =
    rest.length > 0
      ? rest
      : ['api/', 'ops/', 'mining/', 'batching/', 'binding/model', 'training/trainer', 'images/jpeg']
  // Node is not built with AddressSanitizer and frees little when it ends: its own leaks are not looked for. What it allocates is.
  run('node', ['test/run.mjs', ...tests], {
    ...{ FACENET_ADDON: join(root, 'build/asan/Debug/facenet.node'), LD_PRELOAD: library, FACENET_TEST_CUDA: 'none' },
    ...{ ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1' },
  })
}
