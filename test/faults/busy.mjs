// Work of every kind on the built package, for `storms.mjs`: as a worker until it is terminated, or as a process until it exits.
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import * as facenet from '../../dist/esm/index.js'
import { network } from './network.mjs'

const model = await facenet.openModel(network(), { device: 'cpu', threads: 2 })
const pixels = new Uint8Array(64 * model.inputSize.height * model.inputSize.width * 3).map((_, i) => i * 7919)
const rows = Float32Array.from({ length: 2000 * 32 }, (_, i) => Math.sin(i))
const labels = Int32Array.from({ length: 2000 }, (_, i) => i % 200)
const options = { dimensions: 32 }
const trainer = await facenet.createTrainer(network(), { threads: 1 })
const batch = pixels.subarray(0, 4 * model.inputSize.height * model.inputSize.width * 3)

const work = [
  () => model.embed(pixels),
  () => facenet.pairwiseDistances(rows, options),
  () => facenet.clusterEmbeddings(rows, { ...options, threshold: 0.5 }),
  () => facenet.mineTriplets(rows, labels, { ...options, strategy: 'hard' }),
  () => facenet.nearestNeighbors(rows, rows, { ...options, k: 3 }),
  () => trainer.step(batch, [0, 0, 1, 1]),
]
const seed = Number(isMainThread ? process.argv[2] : workerData)
for (let i = 0; i < 3; i++) work[(seed + i) % work.length]()
if (isMainThread) setTimeout(() => process.exit(7), seed % 40)
else parentPort.postMessage('busy')
