// `npm run fuzz:native -- --seconds 60`: libFuzzer, with AddressSanitizer and UndefinedBehaviorSanitizer, over what native code reads as bytes: JPEG
// files. All other formats are read by TypeScript (`npm run fuzz`), and graphs reach native code as values. Needs clang (Debian: clang).
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { root } from '../../../scripts/files.mjs'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const folder = join(root, 'build/fuzz')
const corpus = join(folder, 'jpeg')
mkdirSync(corpus, { recursive: true })

const compiler = ['clang++', 'clang++-14', 'clang++-16', 'clang++-19'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)
if (!compiler) throw new Error('clang is not there: apt-get install clang')

function run(command, args) {
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}`)
}

const sources = ['test/fuzz/native/jpeg.cc', 'native/images/jpeg.cc', 'native/images/place_rows.cc']
const flags = [
  '-std=c++20',
  '-O1',
  '-g',
  '-I.',
  '-DFACENET_JPEG',
  '-fsanitize=fuzzer,address,undefined',
  '-fno-sanitize-recover=undefined',
]
run(compiler, [...flags, ...sources, '-ljpeg', '-o', join(folder, 'jpeg_fuzzer')])

/** Sound files of each kind, each with four bytes that say how it is decoded. */
const noise = sharp({
  create: { width: 37, height: 29, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 60 }, background: '#888' },
})
const kinds = [
  {},
  { progressive: true },
  { chromaSubsampling: '4:4:4' },
  { quality: 5 },
  { optimiseCoding: false, mozjpeg: true },
]
for (const [i, kind] of kinds.entries()) {
  const bytes = await noise.clone().jpeg(kind).toBuffer()
  writeFileSync(join(corpus, `sound-${i}`), Buffer.concat([Buffer.from([i, i, i * 8, i * 8]), bytes]))
}
const limits = [
  '-seed=1',
  '-timeout=10',
  '-rss_limit_mb=1024',
  '-max_len=65536',
  '-print_final_stats=1',
  `-artifact_prefix=${folder}/`,
]
run(join(folder, 'jpeg_fuzzer'), [`-max_total_time=${values.seconds}`, ...limits, corpus])
console.log(`${readdirSync(corpus).length} files in the corpus`)
