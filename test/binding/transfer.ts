/**
 * Calls every function of the package on arrays that are transferred while it works, at several moments, and holds the results
 * against those of a call that nobody disturbed. Prints a line for what begins and for what is wrong. Run by transfer.test.ts
 * with --expose-gc: memory that was transferred to nobody is then gone at once.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { writeModel } from '../../lib/files/index.js'
import * as facenet from '../../lib/index.js'
import { asPngs, inMemory, openSmall, pixels } from '../api/support.js'
import { normals, seeded } from '../support/random.js'
import { small } from '../training/small_trainer.js'

type View = Uint8Array | Float32Array | Int32Array

interface Case {
  name: string
  /** What is handed over, made anew for each call. */
  arrays(): View[]
  call(...arrays: never[]): Promise<unknown>
  /** Bytes of files are read later, so that the call may fail instead; then with this. */
  orFails?: RegExp
}

const rows = 1200
const dimensions = 64
const embeddings = normals(rows * dimensions, seeded(1))
const labels = Int32Array.from({ length: rows }, (_, i) => i % 40)
const model = await openSmall()
const images = pixels(model, 6)
const trainer = await facenet.createTrainer(small(), { seed: 1 })
const faces = Uint8Array.from(
  { length: 12 * trainer.inputSize.height * trainer.inputSize.width * 3 },
  (_, i) => (i * i) & 255,
)
const folder = await mkdtemp(join(tmpdir(), 'facenet-'))
await writeModel(join(folder, 'm.safetensors'), inMemory())
const file = await readFile(join(folder, 'm.safetensors'))
await rm(folder, { recursive: true })
const png = (await asPngs(model, images.subarray(0, images.length / 6)))[0]!
const triplets = await facenet.mineTriplets(embeddings, labels, { dimensions, strategy: 'hard' })

const options = { dimensions }
const floats = () => [embeddings.slice()]
const cases: Case[] = [
  { name: 'embed', arrays: () => [images.slice()], call: (x: Uint8Array) => model.embed(x) },
  {
    name: 'embed of pixels with their size',
    arrays: () => [images.slice()],
    call: (data: Uint8Array) => model.embed({ data, ...model.inputSize }),
  },
  {
    name: 'embed of a file',
    arrays: () => [new Uint8Array(png)],
    call: (bytes: Uint8Array) => model.embed([bytes], { align: 'none' }),
    orFails: /images\[0\].*transferred/,
  },
  { name: 'l2Normalize', arrays: floats, call: (x: Float32Array) => facenet.l2Normalize(x, options) },
  { name: 'pairwiseDistances', arrays: floats, call: (x: Float32Array) => facenet.pairwiseDistances(x, options) },
  {
    name: 'pairwiseDistances of two',
    arrays: () => [embeddings.slice(), embeddings.slice(0, 30 * dimensions)],
    call: (a: Float32Array, b: Float32Array) => facenet.pairwiseDistances(a, b, options),
  },
  {
    name: 'nearestNeighbors',
    arrays: () => [embeddings.slice(0, 300 * dimensions), embeddings.slice()],
    call: (a: Float32Array, b: Float32Array) => facenet.nearestNeighbors(a, b, { dimensions, k: 3 }),
  },
  {
    name: 'mineTriplets',
    arrays: () => [embeddings.slice(), labels.slice()],
    call: (x: Float32Array, of: Int32Array) => facenet.mineTriplets(x, of, options),
  },
  {
    name: 'tripletLoss',
    arrays: () => [embeddings.slice(), ...Object.values(triplets).map((indices: Int32Array) => indices.slice())],
    call: (x: Float32Array, anchors: Int32Array, positives: Int32Array, negatives: Int32Array) =>
      facenet.tripletLoss(x, { anchors, positives, negatives }, options),
  },
  ...(['agglomerative', 'dbscan'] as const).map(
    (method): Case => ({
      name: `clusterEmbeddings by ${method}`,
      arrays: floats,
      call: (x: Float32Array) => facenet.clusterEmbeddings(x, { dimensions, method, threshold: 100 }),
    }),
  ),
  {
    name: 'addToClusters',
    arrays: () => [embeddings.slice(), labels.slice(), embeddings.slice(0, 100 * dimensions)],
    call: (x: Float32Array, of: Int32Array, added: Float32Array) =>
      facenet.addToClusters(x, of, added, { dimensions, threshold: 100 }),
  },
  {
    name: 'gradient of a trainer',
    arrays: () => [faces.slice(), Int32Array.from({ length: 12 }, (_, i) => i % 3)],
    call: async (x: Uint8Array, of: Int32Array) => ({ ...(await trainer.gradient(x, of)), seconds: 0 }),
  },
  { name: 'embed of a trainer', arrays: () => [faces.slice()], call: (x: Uint8Array) => trainer.embed(x) },
  {
    name: 'openModel of bytes',
    arrays: () => [new Uint8Array(file)],
    call: async (bytes: Uint8Array) => {
      await using opened = await facenet.openModel(bytes)
      return [opened.fingerprint, await opened.embed(images)]
    },
  },
  {
    name: 'openModel of tensors',
    arrays: () => [...inMemory().tensors.values()].map(({ data }) => data as Float32Array),
    call: async (...data: Float32Array[]) => {
      const { graph, tensors } = inMemory()
      const given = new Map([...tensors].map(([name, { shape }], i) => [name, { shape, data: data[i]! }]))
      await using opened = await facenet.openModel({ graph, tensors: given })
      return [opened.fingerprint, await opened.embed(images)]
    },
  },
]

const moments: Record<string, () => Promise<unknown> | undefined> = {
  'at once': () => undefined,
  'in a microtask': () => Promise.resolve(),
  'in a turn': () => setImmediate(),
  'in three turns': () =>
    setImmediate()
      .then(() => setImmediate())
      .then(() => setImmediate()),
  'in 3 ms': () => setTimeout(3),
}

function transfer(arrays: readonly View[]): void {
  for (const { buffer } of arrays) structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
  globalThis.gc!()
}

/** Beside a call that keeps the addon busy, so that this one waits for its turn. */
async function disturbed({ arrays, call }: Case, wait: () => Promise<unknown> | undefined): Promise<unknown> {
  const given = arrays()
  const before = model.embed(images)
  const result = call(...(given as never[])).catch((error: Error) => error)
  const pause = wait()
  if (pause) await pause
  transfer(given)
  await before
  return result
}

for (const one of cases) {
  const expected = await one.call(...(one.arrays() as never[]))
  for (const [moment, wait] of Object.entries(moments)) {
    console.log(`${one.name}, transferred ${moment}`)
    const found = await disturbed(one, wait)
    const refused = found instanceof Error && one.orFails?.test(found.message)
    if (!refused && !isDeepStrictEqual(found, expected)) console.log(`WRONG: ${String(found).slice(0, 200)}`)
  }
}

for (const [name, call] of Object.entries({
  'out of embed': (out: Float32Array) => model.embed(images, { out }),
  'out of embed of files': (out: Float32Array) => model.embed(new Array(6).fill(png), { align: 'none', out }),
})) {
  console.log(name)
  const out = new Float32Array(6 * model.dimensions)
  const result = call(out).catch((error: Error) => error)
  transfer([out])
  const error = await result
  if (!(error instanceof Error) || !/options\.out.*transferred/.test(error.message))
    console.log(`WRONG: ${String(error).slice(0, 200)}`)
}
console.log('done')
