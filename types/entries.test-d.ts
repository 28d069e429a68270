/** What the other entries promise, checked by tsd against the built declarations. */
import { expectError, expectType } from 'tsd'
import { exportOnnx, type ImportedModel, importModel, network } from '../dist/esm/convert/index.js'
import {
  evaluateLfw,
  evaluateYtf,
  type ListedResult,
  type PairsResult,
  type YtfResult,
} from '../dist/esm/evaluation/index.js'
import {
  type ModelFile,
  type Output,
  openOutput,
  readModel,
  readStored,
  type StoredRows,
} from '../dist/esm/files/index.js'
import { type Embeddings, type Model, openModel, pairwiseDistances } from '../dist/esm/index.js'
import { type ListedPairsReport, listedPairsReport, writePage } from '../dist/esm/report/index.js'
import {
  BatchMaker,
  createTrainer,
  type Ending,
  type Loop,
  openFaces,
  Sampler,
  train,
} from '../dist/esm/training/index.js'

expectType<Promise<ImportedModel>>(importModel('m.onnx', { size: [112, 112], color: 'rgb' }))
expectType<Promise<Model>>(openModel(await importModel('m.onnx')))
expectType<Uint8Array>(exportOnnx(network('nn2').graph(), new Map()))

declare const model: Model
expectType<Promise<ListedResult>>(evaluateLfw(model, 'lfw.tar', { align: 'points', flip: true, view: 1 }))
expectType<PairsResult>((await evaluateLfw(model, ['lfw'])).result)
expectType<Promise<YtfResult>>(evaluateYtf(model, 'ytf.tar', { pairs: 'splits.txt', frames: 10 }))
expectError(evaluateYtf(model, 'ytf.tar'))

expectType<Promise<ModelFile>>(readModel('m.safetensors'))
expectType<Promise<Output>>(openOutput('x.npy', model))
const stored: StoredRows = await readStored('x.npy')
expectType<Promise<Float32Array>>(pairwiseDistances(stored))
const rows: Embeddings = stored
expectType<number>(rows.dimensions)

declare const report: ListedPairsReport
expectType<Promise<string>>(listedPairsReport(report))
expectType<Promise<void>>(writePage('report.html', ''))

const trainer = await createTrainer('nns2')
const faces = await openFaces(['people'], { input: trainer.inputSize, border: 0, memoryBytes: 1 })
const sampler = new Sampler(faces.labels, { seed: 1 })
const making = { input: trainer.inputSize, augmentation: { crop: true, flip: true, colour: 0, jpeg: 0 }, seed: 1 }
expectType<Int32Array>((await new BatchMaker(faces, sampler, making).take(0)).labels)
declare const loop: Loop
expectType<Promise<Ending>>(train(loop))
