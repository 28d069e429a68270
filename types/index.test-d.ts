/** What the public types promise, checked by tsd against the built declarations. */
import { expectAssignable, expectError, expectType } from 'tsd'
import {
  type DetectedFace,
  type Detector,
  type Device,
  type DeviceKind,
  detectFaces,
  devices,
  FaceNetError,
  type FaceNetErrorCode,
  l2Normalize,
  type Model,
  networks,
  openDetector,
  openModel,
  type PlanReport,
  pairwiseDistances,
} from '../dist/esm/index.js'

expectType<Promise<Model>>(openModel('model.safetensors'))
expectType<Promise<Model>>(openModel('model.safetensors', { device: 'auto', dtype: 'bf16', threads: 2 }))
expectError(openModel())
expectError(openModel('model.safetensors', { device: 'gpu' }))
expectError(openModel('model.safetensors', { dtype: 'f16' }))
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
expectError(pairwiseDistances([1, 2], { dimensions: 2 }))
expectType<Device[]>(devices())

expectAssignable<object>(networks.nn2)
expectError(networks.nn9)

const error = new FaceNetError('ERR_FACENET_IO', 'message')
expectAssignable<Error>(error)
expectType<FaceNetErrorCode>(error.code)
expectType<string | undefined>(error.argument)
expectError(new FaceNetError('ERR_OTHER', 'message'))

const detector = openDetector('detector.safetensors', { threads: 2 })
expectType<Promise<Detector>>(detector)
expectType<Promise<DetectedFace[][]>>(detectFaces(['a.jpg', Buffer.alloc(1)], { model: 'd.safetensors', minSize: 20 }))
expectError(detectFaces(['a.jpg']))
declare const opened: Detector
expectType<Promise<Float32Array>>(model.embed(['a.jpg'], { align: 'detect', detector: opened, faces: 'one' }))
expectError(model.embed(['a.jpg'], { detector: opened, faces: 'all' }))
async function faces() {
  for await (const { face } of model.embedStream('photos', { detector: opened, faces: 'all' })) {
    expectAssignable<DetectedFace | undefined>(face)
  }
}
expectType<Promise<void>>(faces())
