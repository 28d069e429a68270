// `npm run storms -- --only kills --times 0.1`: ends workers and processes at work, closes models at work, transfers buffers of calls
// at work, and kills writers, as often as docs/reliability.md says or a share of that. Prints a line for each; exits with 1 where anything died,
// was lost or was half written. Needs the addon and `npm run build:ts`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { readStored } from '../../dist/esm/files/index.js'
import * as facenet from '../../dist/esm/index.js'
import { network } from './network.mjs'

const { values } = parseArgs({ options: { only: { type: 'string' }, times: { type: 'string', default: '1' } } })
const file = (name) => fileURLToPath(new URL(name, import.meta.url))
const times = (count) => Math.max(1, Math.round(count * Number(values.times)))
const random = (most) => Math.floor(Math.random() * most)
let failures = 0

/** Does `round` so often, and says how many times it threw. */
async function storm(name, count, round) {
  if (values.only && !name.startsWith(values.only)) return
  const [start, wrong] = [performance.now(), []]
  for (let i = 0; i < times(count); i++) await round(i).catch((error) => wrong.push(error))
  failures += wrong.length
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`${name}: ${times(count)} times, ${wrong.length} failures (${seconds} s)`)
  for (const error of wrong.slice(0, 3)) console.log(error)
}

const open = () => facenet.openModel(network(), { device: 'cpu', threads: 2 })
const { inputSize } = await open()
const images = () => new Uint8Array(16 * inputSize.height * inputSize.width * 3).map((_, i) => i * 7919)
const typed = (error) => {
  if (!(error instanceof facenet.FaceNetError)) throw error
}

await storm('workers terminated at work', 500, async (i) => {
  const worker = new Worker(file('busy.mjs'), { workerData: i })
  await once(worker, 'message')
  await wait(random(20))
  await worker.terminate()
})

await storm('processes that exit at work', 200, async (i) => {
  const child = spawn(process.execPath, [file('busy.mjs'), String(i)], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code, signal] = await once(child, 'exit')
  if (code !== 7) throw new Error(`code ${code}, signal ${signal}`)
})

await storm('models closed at work', 500, async (i) => {
  const model = await open()
  const calls = [0, 1, 2].map(() => model.embed(images()).then(() => {}, typed))
  if (i % 2) await wait(random(10))
  model.dispose()
  await Promise.all([...calls, model.close()])
  await model.embed(images()).then(() => Promise.reject(new Error('a closed model computes')), typed)
})

const model = await open()
const floats = () => Float32Array.from({ length: 600 * 32 }, (_, i) => Math.sin(i))
const dimensions = 32
const calls = [
  [images, (data) => model.embed(data)],
  [floats, (data) => facenet.pairwiseDistances(data, { dimensions })],
  [floats, (data) => facenet.nearestNeighbors(data, data, { dimensions, k: 3 })],
  [floats, (data) => facenet.l2Normalize(data, { dimensions })],
  [floats, (data) => facenet.clusterEmbeddings(data, { dimensions, threshold: 0.5 })],
  [
    floats,
    (data) =>
      facenet.mineTriplets(
        data,
        new Int32Array(600).map((_, i) => i % 60),
        { dimensions, strategy: 'hard' },
      ),
  ],
]
const expected = await Promise.all(calls.map(([make, call]) => call(make())))
await storm('buffers transferred at work', 500, async (i) => {
  const [make, call] = calls[i % calls.length]
  const data = make()
  const result = call(data)
  if (i % 3) await wait(random(3))
  structuredClone(data.buffer, { transfer: [data.buffer] })
  const same = JSON.stringify(await result) === JSON.stringify(expected[i % calls.length])
  if (!same) throw new Error(`call ${i % calls.length} has another result`)
})

async function using(opening, use) {
  const opened = await opening
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}
/** The number of the time that the rows are of. Throws where they are of several, or not all there. */
async function rowsOf(path) {
  const { paths, data } = await readStored(path)
  const [n] = paths[0].split('/')
  const whole = paths.length === 50 && paths.every((each, i) => each === `${n}/${i}` && data[i * 8] === Number(n))
  if (!whole) throw new Error(`rows of several times in ${path}`)
  return Number(n)
}

for (const [kind, name] of [
  ['npy', 'x.npy'],
  ['parquet', 'x.parquet'],
  ['jsonl', 'x.jsonl'],
  ['checkpoint', 'x.safetensors'],
  ['gallery', 'x.db'],
]) {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-storm-'))
  const path = join(folder, name)
  let last = -1
  await storm(`kills of a writer of ${kind}`, 100, async () => {
    const child = spawn(process.execPath, [file('writer.mjs'), kind, path, String(last + 1)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const first = last
    child.stdout.setEncoding('utf8').on('data', (text) => {
      last = Number(text.trim().split('\n').at(-1))
    })
    await once(child.stdout, 'data')
    await wait(random(60))
    child.kill('SIGKILL')
    await once(child, 'close')
    if (last <= first) throw new Error('nothing was written')
    if (kind === 'gallery') {
      await using(facenet.openGallery(path), async (gallery) => {
        const { problems } = await gallery.verify()
        if (problems.length > 0) throw new Error(String(problems))
        for (let n = first + 1; n <= last; n++) if (!(await gallery.get(`w${n}`))) throw new Error(`w${n} is lost`)
        if (await gallery.get(`w${last + 1}`)) last++
      })
      return
    }
    const found =
      kind === 'checkpoint'
        ? await using(facenet.createTrainer.resume(path), ({ state }) => state.n)
        : await rowsOf(path)
    if (found < last || found > last + 1) throw new Error(`${found} after ${last}`)
    last = found
  })
  // Those of the last one that was killed are removed by the next that writes there.
  const left = (await readdir(folder)).filter((each) => each.endsWith('.tmp'))
  if (left.length > 2) console.log(`${kind}: ${left.length} temporary files are left`)
  await rm(folder, { recursive: true, force: true })
}
await model.close()
process.exit(failures > 0 ? 1 : 0)
