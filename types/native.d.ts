/**
 * The native surface, typed once. Only `lib/native/addon.ts` touches it; arguments are validated before they get here.
 *
 * Typed arrays are copied before a function returns, those of results when its promise settles, so that callers may transfer
 * them at any time; memory on a SharedArrayBuffer is read and written in place. What is said to be in place is known to nobody but the caller
 * until then. `cancel` is an Int32Array of 2 on a SharedArrayBuffer: `cancel[0]` set to non-zero stops the work, with
 * ERR_FACENET_ABORTED; the addon sets `cancel[1]` when it begins, and does not begin what was stopped before.
 */
import type { BuildInfo, Cancel, DeviceOptions, DType, StoredDType } from './device.js'
import type { GraphDescription, GraphNode } from './graph.js'
import type {
  LossSettings,
  NativeTrainer,
  TrainerOptions,
  TrainingPlanReport,
  TripletIndices,
} from './native_trainer.js'

export type * from './device.js'
export type * from './native_trainer.js'

export interface PlanOptions {
  dtype?: DType
  fold?: boolean
  fuse?: boolean
  mergeSiblings?: boolean
  concatInPlace?: boolean
  /** Threads of the CPU share the layers of fewer images than there are threads, also where that does not pay. */
  shareLayers?: boolean
  /** Off unless told. CUDA does it where it fuses at all, the CPU backend never. */
  fuseStem?: boolean
}

/** One step of a plan. */
export interface PlanStep {
  /** The name of the step's last layer. */
  name: string
  /** The op that is computed, as in `conv2d`. */
  op: string
  /** All layers of the graph this step stands for. */
  layers: string[]
  /** `[height, width, channels]` each. */
  inputs: [number, number, number][]
  /** `[height, width, channels]` per output. */
  outputs: [number, number, number][]
  /** Weights, biases, slopes, scales and shifts of the step's layers. */
  parameters: number
  /** Multiply-adds for one image. */
  multiplyAdds: number
  /** Bytes from the start of one image's arena, an entry an output; -1: the caller's memory. */
  offsets: number[]
}

/** What is executed for a network. */
export interface PlanReport {
  /** The network's name. */
  name: string
  /** In the order in which they run. */
  steps: PlanStep[]
  /** Weights, biases, slopes, scales and shifts of the network. */
  parameters: number
  /** Multiply-adds for one image. */
  multiplyAdds: number
  /** Of one image. */
  arenaBytes: number
  /** The pieces of one image's arena, in bytes, and the first and the last step that touch each. */
  buffers: { offset: number; bytes: number; firstStep: number; lastStep: number }[]
  /** Images that go through all steps together. */
  chunk: number
  /** `[height, width, channels]` per output of the network. */
  outputs: [number, number, number][]
  /** The plan as printable lines. */
  text: string
}

/** Where a tensor lies in a file or a buffer. */
export interface TensorEntry {
  /** The tensor's name in the graph. */
  name: string
  /** Type of its elements. */
  dtype: StoredDType
  /** Its extents, the slowest first. */
  shape: number[]
  /** Bytes from the start of the file or buffer. */
  offset: number
  /** Length in bytes. */
  bytes: number
}

/** Where a model's tensors are: a file, which is read whole, or memory that was made for the call and is read where it is. */
export type WeightSource = { tensors: TensorEntry[] } & ({ path: string; fileBytes: number } | { buffer: Uint8Array })

export interface OpenOptions extends PlanOptions, DeviceOptions {
  threads: number
}

export interface NativeModel {
  readonly outputs: [number, number, number][]
  readonly threads: number
  readonly plan: PlanReport
  /** How each step is executed, one string a step. */
  readonly kernels: string[]
  /** Bytes held, on the device for CUDA: prepared weights, arenas, scratch, staging. */
  readonly memoryBytes: number
  /**
   * Runs `count` images. `input` is Uint8Array or Float32Array as the graph says; `outputs[i]` gets count x
   * elements. It is stopped between layers.
   */
  run(input: Uint8Array | Float32Array, count: number, outputs: Float32Array[], cancel: Cancel): Promise<void>
  /**
   * Times `repeats` runs of `count` images that are on the device already, by the clock of a CUDA device: no copies.
   * Medians in seconds, of the whole run as it is replayed and of each step launched alone. Throws on other devices, and
   * where the images are more than one chunk.
   */
  measure(input: Uint8Array | Float32Array, count: number, repeats: number): Promise<{ whole: number; steps: number[] }>
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

/** A plain JPEG file, and which part of the image is wanted: see `native/images/jpeg.h`. */
export interface JpegRegion {
  /** The file's bytes, read in place. */
  data: Uint8Array
  /** In pixels, as stored. */
  width: number
  height: number
  /** 1..8, as EXIF counts them. */
  orientation: number
  /** Pixels each way that become one. */
  shrink: 1 | 2 | 4 | 8
  /** Of the image as displayed, once it was shrunk. */
  region: { left: number; top: number; width: number; height: number }
}

export interface JpegImage extends JpegRegion {
  /** height x width x 3 bytes of the region, written in place. */
  out: Uint8Array
}

/** A crop of a JPEG: `map` leads from pixels of the output to pixels of the region. */
export type JpegCrop = JpegRegion & Pick<Crop, 'map'>

export interface TripletOptions extends DeviceOptions {
  dimensions: number
  margin: number
  threads: number
}

/** One image's activation: `[height, width, channels]`. A vector of d values is `[1, 1, d]`. */
export type Shape = readonly [height: number, width: number, channels: number]

/** A tensor that a node reads: what it is to the node, and its stored shape with a value for every channel. */
export interface NodeTensor {
  name: string
  role: 'weight' | 'bias' | 'scale' | 'shift' | 'mean' | 'variance' | 'slope'
  shape: number[]
}

/** What `native/ops` knows of a node without the rest of its graph. */
export interface NodeReport {
  /** Of the tensor it makes. */
  shape: Shape
  /** Weights, biases, slopes, scale and shift; not running statistics. */
  parameters: number
  /** Of one image: one for every weight that an output of a convolution or fully connected layer sums over. */
  multiplyAdds: number
  tensors: NodeTensor[]
}

export interface NativeAddon {
  info(): BuildInfo
  /** Names of all ops. */
  ops(): string[]
  /** Throws ERR_FACENET_MODEL_INVALID where the node's attributes or inputs do not fit. */
  inferNode(node: GraphNode, inputs: readonly Shape[]): NodeReport
  plan(graph: GraphDescription, options: PlanOptions): PlanReport
  openModel(graph: GraphDescription, weights: WeightSource, options: OpenOptions): Promise<NativeModel>
  /** The forward and the backward of training without weights: `chunk` is that of `options.memoryBytes`. */
  trainingPlan(
    graph: GraphDescription,
    options: Pick<TrainerOptions, 'frozen' | 'chunk' | 'memoryBytes'>,
  ): TrainingPlanReport
  openTrainer(graph: GraphDescription, weights: WeightSource, options: TrainerOptions): Promise<NativeTrainer>
  /** In: n x dimensions. Out: same, each row of unit length; rows shorter than `epsilon` are divided by it. */
  l2Normalize(
    x: Float32Array,
    options: DeviceOptions & { dimensions: number; epsilon: number },
    out: Float32Array,
    cancel?: Cancel,
  ): Promise<void>
  /** Triplets of n x dimensions finite embeddings with n labels. */
  mineTriplets(
    embeddings: Float32Array,
    labels: Int32Array,
    options: TripletOptions & { strategy: 'all' | 'semi-hard' | 'hard' },
    cancel: Cancel,
  ): Promise<TripletIndices>
  /** The sum of hinges, how many are above zero, and in `gradient` (n x dimensions) the derivative of the sum. */
  tripletLoss(
    embeddings: Float32Array,
    triplets: TripletIndices,
    options: TripletOptions,
    gradient: Float32Array,
    cancel: Cancel,
  ): Promise<{ loss: number; active: number }>
  /** A loss, the mean over its terms, and its derivatives: `gradient`, n x dimensions; `classGradient`, as `options.classes`. */
  embeddingLoss(
    embeddings: Float32Array,
    labels: Int32Array,
    options: DeviceOptions & { dimensions: number; threads: number; loss: LossSettings; classes?: Float32Array },
    gradient: Float32Array,
    classGradient: Float32Array,
    cancel: Cancel,
  ): Promise<{ loss: number; terms: number; active: number; meanPositive: number; meanNegative: number }>
  /** The k rows of `gallery` that are nearest to each of `queries`, ties to the lowest: queries x k. */
  findNearest(
    queries: Float32Array,
    gallery: Float32Array,
    options: DeviceOptions & { dimensions: number; k: number; threads: number; index?: Uint8Array },
    indices: Int32Array,
    distances: Float32Array,
    cancel: Cancel,
  ): Promise<void>
  /**
   * Bytes of the index of a gallery, 0 where none is kept on this machine, and the index from row `from` on; see `findNearest`, which
   * does not look through rows that have one.
   */
  indexBytes(options: DeviceOptions & { rows: number; dimensions: number }): number
  indexRows(
    rows: Float32Array,
    options: DeviceOptions & { dimensions: number; from: number; threads: number },
    index: Uint8Array,
    cancel: Cancel,
  ): Promise<void>
  /** Squared L2 distances, n x m, clamped at zero. `out` is written in place. Errors call b what `options.b` says. */
  pairwiseDistances(
    a: Float32Array,
    b: Float32Array,
    options: DeviceOptions & { dimensions: number; threads: number; b?: string },
    out: Float32Array,
    cancel?: Cancel,
  ): Promise<void>
  /**
   * Crops to count x height x width x 3 bytes. Images are read in place. Runs beside the other functions, not after them.
   */
  warp(
    crops: readonly Crop[],
    options: DeviceOptions & { height: number; width: number },
    out: Uint8Array,
    cancel?: Cancel,
  ): Promise<void>
  /**
   * Decodes JPEGs to RGB, one after the other on one thread; several calls run at a time, beside the other functions. `decoded` is
   * 1 for those that were, 0 for those that are left to another decoder.
   */
  decodeJpegs(images: readonly JpegImage[], decoded: Uint8Array, cancel?: Cancel): Promise<void>
  /**
   * `decodeJpegs` and `warp` in one, image after image: count x height x width x 3 bytes, written in place. What was not decoded is
   * not written.
   */
  cropJpegs(
    images: readonly JpegCrop[],
    options: DeviceOptions & { height: number; width: number },
    out: Uint8Array,
    decoded: Uint8Array,
    cancel?: Cancel,
  ): Promise<void>
  /**
   * Agglomerative clustering of the rows of `embeddings`. `labels` gets a row's cluster as the lowest row of it; on entry
   * its first `known` elements say so of clusters that are there already. Embeddings on a SharedArrayBuffer are not copied
   * and must not change.
   */
  cluster(embeddings: Float32Array, options: ClusterOptions, labels: Int32Array, cancel: Cancel): Promise<void>
  /** DBSCAN. `labels` gets the lowest core of a row's cluster, or -1. */
  clusterByDensity(
    embeddings: Float32Array,
    options: DeviceOptions & { dimensions: number; threshold: number; minFaces: number; threads: number },
    labels: Int32Array,
    cancel: Cancel,
  ): Promise<void>
}

export interface ClusterOptions extends DeviceOptions {
  dimensions: number
  linkage: 'average' | 'complete' | 'single'
  threshold: number
  threads: number
  memoryBytes: number
  known: number
}
