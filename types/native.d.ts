/** The native surface, typed once. Only `lib/native.ts` touches it; arguments are validated before they get here. */
import type { GraphDescription } from './graph.js'

export type DeviceKind = 'cuda' | 'cpu' | 'reference'
export type DType = 'f32' | 'bf16'

export interface BuildInfo {
  version: string
  /** Version of oneDNN the CPU backend was built with; null: built without it, so only the reference backend is there. */
  onednn: string | null
  /** What the CPU backend runs with here: 'avx512_amx', 'avx512_bf16', 'avx512', 'avx2', 'baseline'. */
  isa: string
  /** null: built without CUDA. `driver` 0: no driver. `reason`: why no device is used, empty where one is. */
  cuda: null | { runtime: number; driver: number; architectures: string[]; devices: CudaDevice[]; reason: string }
}

export interface CudaDevice {
  index: number
  name: string
  computeCapability: string
  memoryBytes: number
}

export interface PlanOptions {
  dtype?: DType
  fold?: boolean
  fuse?: boolean
  mergeSiblings?: boolean
  concatInPlace?: boolean
}

export interface PlanStep {
  name: string
  op: string
  /** All layers of the graph this step stands for. */
  layers: string[]
  /** `[height, width, channels]` each. */
  inputs: [number, number, number][]
  outputs: [number, number, number][]
  parameters: number
  multiplyAdds: number
  /** Bytes from the start of one image's arena, an entry an output; -1: the caller's memory. */
  offsets: number[]
}

export interface PlanReport {
  name: string
  steps: PlanStep[]
  parameters: number
  multiplyAdds: number
  /** Of one image. */
  arenaBytes: number
  /** The pieces of one image's arena, in bytes, and the first and the last step that touch each. */
  buffers: { offset: number; bytes: number; firstStep: number; lastStep: number }[]
  /** Images that go through all steps together. */
  chunk: number
  outputs: [number, number, number][]
  /** The plan as printable lines. */
  text: string
}

export interface TensorEntry {
  name: string
  dtype: DType
  shape: number[]
  /** Bytes from the start of the file or buffer. */
  offset: number
  bytes: number
}

/** Where a model's tensors are: a file to be mapped, or memory that is copied from before the promise resolves. */
export type WeightSource = { tensors: TensorEntry[] } & ({ path: string; fileBytes: number } | { buffer: Uint8Array })

export interface OpenOptions extends PlanOptions {
  device: DeviceKind
  deviceIndex?: number
  threads: number
}

export interface NativeModel {
  readonly outputs: [number, number, number][]
  readonly threads: number
  readonly plan: PlanReport
  /** How each step is executed, one string a step. */
  readonly kernels: string[]
  /** Native bytes held: prepared weights, arenas, scratch. */
  readonly memoryBytes: number
  /**
   * Runs `count` images. `input` is Uint8Array or Float32Array as the graph says, read in place until the promise
   * settles; `outputs[i]` gets count x elements. `cancel[0]` set to non-zero stops between layers with ERR_FACENET_ABORTED.
   */
  run(input: Uint8Array | Float32Array, count: number, outputs: Float32Array[], cancel: Int32Array): Promise<void>
  /** Idempotent. Work in flight finishes first. */
  dispose(): void
}

/** A crop of an image: `map` leads from pixels of the output to pixels of the image, see `native/ops/warp.h`. */
export interface Crop {
  /** height x width x 3 bytes. */
  image: { data: Uint8Array; width: number; height: number }
  /** `x' = xx x + xy y + x0`, `y' = yx x + yy y + y0`. */
  map: { xx: number; xy: number; x0: number; yx: number; yy: number; y0: number }
}

export interface TripletOptions {
  dimensions: number
  margin: number
  threads: number
  device: DeviceKind
}

/** Rows of the embeddings, three arrays of one length. */
export interface TripletIndices {
  anchors: Int32Array
  positives: Int32Array
  negatives: Int32Array
}

export interface NativeAddon {
  info(): BuildInfo
  plan(graph: GraphDescription, options: PlanOptions): PlanReport
  openModel(graph: GraphDescription, weights: WeightSource, options: OpenOptions): Promise<NativeModel>
  /** In: n x dimensions. Out: same, each row of unit length; rows shorter than `epsilon` are divided by it. */
  l2Normalize(
    x: Float32Array,
    dimensions: number,
    epsilon: number,
    out: Float32Array,
    device: DeviceKind,
  ): Promise<void>
  /** Triplets of n x dimensions finite embeddings with n labels; `cancel` as for `run`. */
  mineTriplets(
    embeddings: Float32Array,
    labels: Int32Array,
    options: TripletOptions & { strategy: 'all' | 'semi-hard' | 'hard' },
    cancel: Int32Array,
  ): Promise<TripletIndices>
  /** The sum of hinges, how many are above zero, and in `gradient` (n x dimensions) the derivative of the sum. */
  tripletLoss(
    embeddings: Float32Array,
    triplets: TripletIndices,
    options: TripletOptions,
    gradient: Float32Array,
    cancel: Int32Array,
  ): Promise<{ loss: number; active: number }>
  /** Squared L2 distances, n x m, clamped at zero. */
  pairwiseDistances(
    a: Float32Array,
    b: Float32Array,
    dimensions: number,
    out: Float32Array,
    device: DeviceKind,
  ): Promise<void>
  /**
   * Crops to count x height x width x 3 bytes. Images are read and `out` is written in place until the promise settles.
   * Runs beside the other functions, not after them.
   */
  warp(
    crops: readonly Crop[],
    size: { height: number; width: number },
    out: Uint8Array,
    device: DeviceKind,
  ): Promise<void>
  /**
   * Agglomerative clustering of the rows of `embeddings`. `labels` gets a row's cluster as the lowest row of it; on entry
   * its first `known` elements say so of clusters that are there already. `cancel` as for `run`.
   */
  cluster(
    embeddings: Float32Array,
    options: ClusterOptions,
    labels: Int32Array,
    cancel: Int32Array,
    device: DeviceKind,
  ): Promise<void>
}

export interface ClusterOptions {
  dimensions: number
  linkage: 'average' | 'complete' | 'single'
  threshold: number
  threads: number
  memoryBytes: number
  known: number
}
