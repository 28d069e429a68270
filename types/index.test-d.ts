/** What the public types promise, checked by tsd against the built declarations. */
import { expectAssignable, expectError, expectType } from 'tsd'
import {
  type AddedImages,
  type AlbumResult,
  addToClusters,
  type ClusterScores,
  clusterEmbeddings,
  createTrainer,
  type DetectedFace,
  type Detector,
  type Device,
  type DeviceKind,
  detectFaces,
  devices,
  type EmbeddingLoss,
  type EmbeddingRows,
  type Embeddings,
  embeddingLoss,
  evaluatePairs,
  type FaceMatch,
  FaceNetError,
  type FaceNetErrorCode,
  type Gallery,
  type GalleryCounts,
  type Identified,
  l2Normalize,
  type Model,
  mineTriplets,
  type Neighbors,
  nearestNeighbors,
  networks,
  openDetector,
  openGallery,
  openModel,
  type PairsResult,
  type PlanReport,
  pairwiseDistances,
  readThresholdFile,
  type StepResult,
  scoreClusters,
  type ThresholdFile,
  type Trainer,
  type TripletLoss,
  type Triplets,
  tripletLoss,
} from '../dist/esm/index.js'

expectType<Promise<Model>>(openModel('model.safetensors'))
expectType<Promise<Model>>(openModel('model.safetensors', { device: 'auto', dtype: 'bf16', threads: 2 }))
expectType<Promise<Model>>(openModel())
expectError(openModel('model.safetensors', { device: 'gpu' }))
expectError(openModel('model.safetensors', { dtype: 'f64' }))
expectError(openModel('model.safetensors', { thread: 2 }))

declare const model: Model
expectType<string>(model.name)
expectType<number>(model.inputSize.height)
expectType<number>(model.dimensions)
expectType<string>(model.fingerprint)
expectType<Device>(model.device)
expectType<DeviceKind>(model.device.kind)
expectType<number | null>(model.threshold)
expectType<PlanReport>(model.plan)
expectType<void>(model.dispose())
// biome-ignore lint/suspicious/noAssignInExpressions: that it cannot be assigned is what is tested
expectError((model.dimensions = 3))

expectType<Promise<Float32Array>>(model.embed(new Uint8Array(3)))
expectType<Promise<Float32Array>>(model.embed(['a.jpg', Buffer.alloc(1)], { signal: new AbortController().signal }))
expectError(model.embed(new Float32Array(3)))
expectError(model.embed('a.jpg'))
expectError(model.embed([], { out: new Float64Array(3) }))

async function stream() {
  for await (const { path, embedding } of model.embedStream(['photos'], { batchSize: 32 })) {
    expectAssignable<string | undefined>(path)
    expectType<Float32Array>(embedding)
  }
}
expectType<Promise<void>>(stream())

const rows = new Float32Array(4)
expectType<Promise<Float32Array>>(pairwiseDistances(rows, { dimensions: 2, b: rows, device: 'cpu' }))
expectType<Promise<Float32Array>>(l2Normalize(rows, { dimensions: 2 }))
expectError(pairwiseDistances(rows))
declare const embeddings: Embeddings
declare const either: EmbeddingRows | undefined
expectType<Promise<Embeddings>>(model.embedRows(['a.jpg'], { signal: new AbortController().signal }))
expectType<Embeddings>(model.embeddings([rows]))
expectType<Promise<Float32Array>>(pairwiseDistances(embeddings))
expectType<Promise<Float32Array>>(pairwiseDistances(embeddings, embeddings, { device: 'cpu', deviceIndex: 0 }))
expectType<Promise<Float32Array>>(pairwiseDistances(embeddings, rows))
expectType<Promise<Float32Array>>(pairwiseDistances(rows, embeddings))
expectType<Promise<Float32Array>>(pairwiseDistances(rows, rows, { dimensions: 2 }))
expectType<Promise<Float32Array>>(pairwiseDistances(embeddings, { b: embeddings }))
expectError(pairwiseDistances(embeddings, either))
expectError(pairwiseDistances(embeddings, undefined))
expectError(pairwiseDistances(rows, rows))
expectType<Promise<Float32Array>>(l2Normalize(embeddings))
expectType<Promise<Neighbors>>(nearestNeighbors(embeddings, rows, { k: 2 }))
expectError(nearestNeighbors(embeddings, either))
expectType<Promise<Float32Array>>(model.embed({ data: new Uint8Array(3), width: 1, height: 1 }))
expectType<Promise<Model>>(openModel(new URL('file:///m.safetensors')))
expectType<Promise<Model>>(openModel(new Uint8Array(8)))
expectType<Promise<void>>(model.close())
expectError(model.run)
expectError(model.faceTarget)
expectError(pairwiseDistances([1, 2], { dimensions: 2 }))
expectType<Promise<Neighbors>>(nearestNeighbors(rows, rows, { dimensions: 2, k: 1, threads: 2, device: 'cpu' }))
expectType<Int32Array>((await nearestNeighbors(rows, rows, { dimensions: 2 })).indices)
expectType<Float32Array>((await nearestNeighbors(rows, rows, { dimensions: 2 })).distances)
expectError(nearestNeighbors(rows, rows))
expectError(nearestNeighbors([1, 2], rows, { dimensions: 2 }))
expectError(nearestNeighbors(rows, rows, { dimensions: 2, n: 3 }))
expectType<Device[]>(devices())

expectAssignable<object>(networks.nn2)
expectError(networks.nn9)

const error = new FaceNetError('ERR_FACENET_IO', 'message')
expectAssignable<Error>(error)
expectType<FaceNetErrorCode>(error.code)
expectType<string | undefined>(error.argument)
expectType<readonly Error[] | undefined>(error.errors)
expectError(new FaceNetError('ERR_OTHER', 'message'))

const detector = openDetector('detector.safetensors', { threads: 2 })
expectType<Promise<Detector>>(detector)
expectType<Promise<DetectedFace[][]>>(detectFaces(['a.jpg', Buffer.alloc(1)], { model: 'd.safetensors', minSize: 20 }))
expectError(detectFaces(['a.jpg']))
declare const opened: Detector
expectType<Promise<void>>(opened.close())
expectType<Promise<Float32Array>>(model.embed(['a.jpg'], { align: 'detect', detector: opened, faces: 'one' }))
expectError(model.embed(['a.jpg'], { detector: opened, faces: 'all' }))
async function faces() {
  for await (const { face } of model.embedStream('photos', { detector: opened, faces: 'all' })) {
    expectAssignable<DetectedFace | undefined>(face)
  }
}
expectType<Promise<void>>(faces())

const { signal } = new AbortController()
const labels = new Int32Array(2)
expectType<Promise<Int32Array>>(clusterEmbeddings(rows, { dimensions: 2, threshold: 1, linkage: 'single', signal }))
expectType<Promise<Int32Array>>(
  clusterEmbeddings(rows, { dimensions: 2, threshold: 1, method: 'dbscan', minFaces: 3, memoryBytes: 2 ** 20 }),
)
expectError(clusterEmbeddings(rows, { dimensions: 2 }))
expectError(clusterEmbeddings(rows, { dimensions: 2, threshold: 1, linkage: 'ward' }))
expectError(clusterEmbeddings(rows, { dimensions: 2, threshold: 1, method: 'optics' }))
expectError(clusterEmbeddings([1, 2], { dimensions: 2, threshold: 1 }))
expectType<Promise<Int32Array>>(addToClusters(rows, labels, rows, { dimensions: 2, threshold: 1 }))
expectError(addToClusters(rows, labels, rows, { dimensions: 2, threshold: 1, method: 'dbscan' }))
expectType<ClusterScores>(scoreClusters(labels, ['Anna', 'Ben']))
expectType<number>(scoreClusters([0, 1], [7, 8]).noise)

const triplets = mineTriplets(rows, labels, { dimensions: 2, strategy: 'semi-hard', margin: 0.2, device: 'cpu' })
expectType<Promise<Triplets>>(triplets)
expectType<Promise<Triplets>>(mineTriplets(rows, [0, 1], { dimensions: 2, threads: 1 }))
expectError(mineTriplets(rows, labels))
expectError(mineTriplets(rows, labels, { dimensions: 2, strategy: 'easy' }))
expectError(mineTriplets(rows, ['Anna', 'Ben'], { dimensions: 2 }))
declare const mined: Triplets
expectType<Promise<Triplets>>(mineTriplets(embeddings, [0, 1]))
expectType<Promise<TripletLoss>>(tripletLoss(embeddings, mined))
expectType<Promise<Int32Array>>(clusterEmbeddings(embeddings, { threshold: 1 }))
expectType<Promise<Int32Array>>(addToClusters(embeddings, labels, embeddings, { threshold: 1 }))
expectType<Promise<TripletLoss>>(tripletLoss(rows, mined, { dimensions: 2, margin: 0.5, signal }))
expectType<Float32Array>((await tripletLoss(rows, mined, { dimensions: 2 })).gradient)
expectError(tripletLoss(rows, mined, { dimensions: 2, strategy: 'all' }))

expectType<Promise<EmbeddingLoss>>(embeddingLoss(rows, labels, { dimensions: 2, loss: 'nt-xent' }))
expectType<Promise<EmbeddingLoss>>(
  embeddingLoss(embeddings, [0, 1], { loss: { kind: 'arcface', numClasses: 2 }, classes: rows }),
)
expectError(embeddingLoss(rows, labels, { dimensions: 2 }))
expectError(embeddingLoss(rows, labels, { dimensions: 2, loss: { kind: 'arcface', numClass: 2 } }))

expectType<Promise<PairsResult>>(evaluatePairs([0.5, 1.5], [true, false], 2))
expectType<number | null>((await evaluatePairs(rows, labels, labels, { unequalFolds: true })).val[0]!.val)
expectError(evaluatePairs([0.5, 1.5], [true, false]))
expectType<Promise<ThresholdFile>>(readThresholdFile('threshold.json', model.fingerprint))

const trainer = createTrainer('nns2', { dimensions: 64, optimizer: { kind: 'adam', beta1: 0.8 }, frozen: ['conv1'] })
expectType<Promise<Trainer>>(trainer)
expectType<Promise<Trainer>>(createTrainer.resume('checkpoint.safetensors', { threads: 2 }))
expectType<Promise<Trainer>>(createTrainer('nns2', { loss: { kind: 'cosface', numClasses: 500, margin: 0.3 } }))
expectError(createTrainer('nns2', { loss: 'softmax' }))
expectError(createTrainer('nns2', { optimizer: 'lion' }))
declare const training: Trainer
expectType<Promise<void>>(training.close())
expectType<Promise<StepResult>>(training.step(new Uint8Array(3), [1]))
expectType<Promise<StepResult>>(training.step(new Uint8Array(3), [1], { triplets: mined }))
expectError(training.step(new Uint8Array(3), [1], { triplets: [0, 1, 2] }))
expectType<Promise<Float32Array>>(training.embed(new Uint8Array(3)))
expectType<Promise<void>>(training.save('checkpoint.safetensors', { state: { epoch: 1 } }))

expectType<Promise<Gallery>>(openGallery('g.db', { model, detector: await openDetector() }))
expectType<Promise<Gallery>>(openGallery(new URL('file:///g.db'), { readOnly: true, busyTimeout: 100 }))
expectType<Promise<Gallery>>(openGallery('g.db', { model: { fingerprint: 'f', dimensions: 128 } }))
expectError(openGallery('g.db', { model: { fingerprint: 'f' } }))
expectError(openGallery('g.db', { readonly: true }))
declare const gallery: Gallery
expectType<Promise<string>>(gallery.add({ embedding: rows, person: 'Anna', metadata: { album: 1 } }))
expectError(gallery.add({ id: 'a' }))
expectError(gallery.replace({ embedding: rows }))
expectType<Promise<FaceMatch[]>>(gallery.search('a.jpg', { k: 3, threshold: 'threshold.json', signal }))
expectType<Promise<FaceMatch[]>>(gallery.search({ id: 'a' }))
expectType<Promise<FaceMatch[][]>>(gallery.searchMany(embeddings, { threshold: 1 }))
expectType<Promise<AddedImages>>(gallery.addImages(['photos/'], { person: (image) => image.slice(0, 3), faces: 'one' }))
expectType<Promise<number>>(gallery.remove({ person: 'Anna' }))
expectType<Promise<GalleryCounts>>(gallery.counts())
expectType<Promise<void>>(gallery.close())
expectType<Promise<AlbumResult>>(gallery.cluster({ threshold: 't.json', minFaces: 2 }))
expectType<Promise<void>>(gallery.apply([{ edit: 'merge', people: ['person-2'], into: 'Anna' }]))
expectError(gallery.apply([{ edit: 'merge', people: ['person-2'] }]))
expectType<Promise<Identified | null>>(gallery.identify('a.jpg', { by: 'mean' }))
