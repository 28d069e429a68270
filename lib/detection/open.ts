/** Detectors by their files: `openDetector` for many calls, `detectFaces` for one. */
import { types } from 'node:util'
import { invalidArgument } from '../errors.js'
import { type FileSource, fileSource, isUrl } from '../files/file_source.js'
import {
  type DetectorContents,
  type DetectorFile,
  type DetectorKind,
  detectorInMemory,
  readDetector,
} from '../files/model/detector_file.js'
import { checkMaxImageBytes } from '../files/read_bounded.js'
import { type FileLimits, findFaces, type ImageInput } from '../images/index.js'
import { type NamedOptions, namedDetector } from '../models/named.js'
import { defaultDetector } from '../models/resolve.js'
import { type BatchingOptions, checkBatching } from '../native/batching.js'
import {
  checkFlag,
  checkOneOf,
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
  devicePreferences,
  throwIfAborted,
} from '../native/check_arguments.js'
import { checkDeviceIndex, resolveDevice } from '../native/devices.js'
import { checkDetectOptions } from './detect_options.js'
import { openFaceApi } from './face_api.js'
import { openMtcnn } from './mtcnn.js'
import type { NetworkDetector } from './network_detector.js'
import { admittedBy, copyOf } from './own_pixels.js'
import { openRetinaface } from './retinaface.js'
import { openScrfd } from './scrfd.js'
import type { NetworkOptions } from './sized_network.js'
import { findTurned, turnedBack } from './turned.js'
import type { DetectedFace, DetectOptions, Detector, FaceFinder, RgbImage } from './types.js'
import { openYunet } from './yunet.js'

/** Options of `openDetector`, and where `detectFaces` runs a detector that it opens. */
export interface OpenDetectorOptions extends NamedOptions {
  /**
   * As for `openModel`.
   * @default 'auto'
   */
  device?: DevicePreference
  /** Which of several CUDA devices, by its number. The first that can be used where it is left out. */
  deviceIndex?: number
  /** CPU threads, 1..1024; every core where it is left out. */
  threads?: number
  /**
   * Images of one size that concurrent calls of `detect`, `detectFaces` and `embed` bring are looked at together; `{}` takes the
   * defaults. `maxQueue` is for `detect` and `detectFaces`.
   */
  batching?: BatchingOptions
  /** Rejects with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/**
 * A detector's file as `facenet import` writes it, by path, `file:` URL or as its bytes; the same in memory; or the name of a well-known
 * detector, as `openModel` takes those of models.
 */
export type DetectorSource = FileSource | DetectorContents

const detectors: Record<DetectorKind, (file: DetectorFile, options: NetworkOptions) => NetworkDetector> = {
  mtcnn: openMtcnn,
  yunet: openYunet,
  scrfd: openScrfd,
  retinaface: openRetinaface,
  'face-api': openFaceApi,
}

/**
 * Opens a detector. Without a source it is the default one, `face-api`, which comes in the package `@facenet-native/models`.
 *
 * @param source the detector's file, the detector in memory, or a name.
 * @param options where it runs.
 * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the file, ERR_FACENET_CUDA_UNAVAILABLE,
 *   ERR_FACENET_INVALID_ARGUMENT for an option, ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * await using detector = await openDetector('./d.safetensors', { threads: 2 })
 * const embeddings = await model.embed(['party.jpg'], { detector })
 * ```
 */
export function openDetector(): Promise<Detector>
export function openDetector(source: DetectorSource, options?: OpenDetectorOptions): Promise<Detector>
export async function openDetector(
  ...given: [source?: DetectorSource, options?: OpenDetectorOptions]
): Promise<Detector> {
  // Undefined is a source that was not found, which must not become the default one.
  const [source, options = {}] = given.length === 0 ? [defaultDetector] : given
  checkOptions(options, 'options', ['device', 'deviceIndex', 'threads', 'batching', 'signal', 'pull', 'acceptLicense'])
  const preference = checkOneOf(options.device ?? 'auto', 'options.device', devicePreferences)
  const deviceIndex = checkDeviceIndex(options.deviceIndex, preference)
  const threads = checkThreads(options.threads)
  const batching = checkBatching(options.batching)
  const signal = checkSignal(options.signal)
  checkFlag(options.pull, 'options.pull')
  checkFlag(options.acceptLicense, 'options.acceptLicense')
  throwIfAborted(signal)
  const { kind: device } = resolveDevice(preference, deviceIndex)
  // Bytes are read before anything is waited for: their memory may be transferred as soon as the call returns.
  const found = typeof source === 'string' ? await namedDetector(source, options) : source
  const file = await load(found)
  throwIfAborted(signal)
  const where = { device, ...(deviceIndex !== undefined && { deviceIndex }), dtype: 'f32', threads, batching } as const
  const detector = detectors[file.metadata.detector](file, where)
  if (batching) detector.limitCalls(batching.maxQueue)
  return detector
}

function load(source: DetectorSource | undefined): Promise<DetectorFile> {
  const file = fileSource(source, 'model')
  if (file !== undefined) return readDetector(file)
  const contents = source as DetectorContents
  const sound = typeof source === 'object' && source !== null && contents.graphs && types.isMap(contents.tensors)
  if (!sound) {
    throw invalidArgument(
      'model',
      'a name, a path, a file: URL, bytes, or an object with graphs and a Map of tensors',
      source,
    )
  }
  return detectorInMemory(contents)
}

/** Options of `detectFaces`. */
export interface DetectFacesOptions extends DetectOptions, Omit<OpenDetectorOptions, 'batching'>, FileLimits {
  /** What `openDetector` takes, or a detector that is open and stays so. */
  model: DetectorSource | FaceFinder
  /**
   * Looks at an image turned by 90, 180 and 270 degrees too, where no face is found or none has a score of 0.7: up to four looks
   * instead of one.
   * @default false
   */
  tryRotated?: boolean
}

/**
 * Finds faces. Opening a detector takes longer than a small image; for many calls open it once.
 *
 * @param images pixels, image files by path or `file:` URL, or the bytes of image files (whose EXIF orientation is applied
 *   before anything is measured).
 * @param options the detector, and what it looks for; where it runs, unless it is open already.
 * @returns the faces of each image, the best first.
 * @throws FaceNetError ERR_FACENET_IMAGE_INVALID, ERR_FACENET_IO, and what `openDetector` throws.
 *
 * @example
 * ```ts
 * const [faces] = await detectFaces(['party.jpg'], { model: './d.safetensors', minSize: 40 })
 * for (const { box, score } of faces!) console.log(box, score)
 * ```
 */
export async function detectFaces(
  images: object & Iterable<RgbImage | ImageInput>,
  options: DetectFacesOptions,
): Promise<DetectedFace[][]> {
  const opening = ['device', 'deviceIndex', 'threads', 'pull', 'acceptLicense']
  const reading = ['limitInputPixels', 'allowTruncated', 'maxImageBytes']
  checkOptions(options, 'options', [
    'model',
    'minSize',
    'scoreThreshold',
    'tryRotated',
    'signal',
    ...opening,
    ...reading,
  ])
  const {
    model,
    device,
    deviceIndex,
    threads,
    pull,
    acceptLicense,
    limitInputPixels,
    allowTruncated,
    maxImageBytes,
    tryRotated,
    ...rest
  } = options
  checkFlag(tryRotated, 'options.tryRotated')
  const files = { limitInputPixels, allowTruncated, maxImageBytes: checkMaxImageBytes(maxImageBytes) }
  const isCollection = typeof images === 'object' && images !== null && Symbol.iterator in images
  if (!isCollection || ArrayBuffer.isView(images)) throw invalidArgument('images', 'an array of images', images)
  const all: (RgbImage | ImageInput)[] = [...images]
  const { signal, ...limits } = checkDetectOptions(all.filter(isPixels), rest)
  const given = all.map((image) => (isPixels(image) ? copyOf(image) : image))
  const open = isFinder(model)
    ? model
    : await openDetector(model, { device, deviceIndex, threads, pull, acceptLicense, signal })
  const findAll = async () => {
    const found: DetectedFace[][] = []
    for (const image of given) {
      const faces = isPixels(image)
        ? await findInPixels(open, image, { ...limits, signal }, tryRotated)
        : await findFaces(image, { detector: open, ...limits, tryRotated }, files, signal)
      found.push(faces.toSorted((a, b) => b.score - a.score))
    }
    return found
  }
  try {
    return await admittedBy(open, findAll)
  } finally {
    if (open !== model) await (open as Detector).close()
  }
}

async function findInPixels(
  detector: FaceFinder,
  image: RgbImage,
  options: DetectOptions,
  tryRotated: boolean | undefined,
): Promise<DetectedFace[]> {
  const [found] = await findTurned(detector, [image], options, tryRotated)
  const { faces, turn } = found!
  return faces.map((face) => turnedBack(face, turn, image))
}

const isFinder = (model: DetectorSource | FaceFinder): model is FaceFinder =>
  typeof model === 'object' && model !== null && 'detect' in model

const isPixels = (image: RgbImage | ImageInput): image is RgbImage =>
  typeof image === 'object' && image !== null && !types.isUint8Array(image) && !isUrl(image)
