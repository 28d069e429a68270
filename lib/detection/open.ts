/** Detectors by their files: `openDetector` for many calls, `detectFaces` for one. */
import { invalidArgument } from '../errors.js'
import {
  type DetectorContents,
  type DetectorFile,
  type DetectorKind,
  detectorInMemory,
  readDetector,
} from '../files/model/detector_file.js'
import { findFaces, type ImageInput } from '../images/index.js'
import {
  checkOneOf,
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
  devicePreferences,
  throwIfAborted,
} from '../native/check_arguments.js'
import { resolveDevice } from '../native/devices.js'
import { checkDetectOptions } from './detect_options.js'
import { openFaceApi } from './face_api.js'
import { openMtcnn } from './mtcnn.js'
import type { NetworkOptions } from './sized_network.js'
import type { DetectedFace, DetectOptions, Detector, RgbImage } from './types.js'
import { openYunet } from './yunet.js'

export interface OpenDetectorOptions {
  /** As for `openModel`. */
  device?: DevicePreference
  /** CPU threads, 1..1024; every core where it is left out. */
  threads?: number
  signal?: AbortSignal
}

/** A detector's file as `facenet import` writes it, or the same in memory. */
export type DetectorSource = string | DetectorContents

const detectors: Record<DetectorKind, (file: DetectorFile, options: NetworkOptions) => Detector> = {
  mtcnn: openMtcnn,
  yunet: openYunet,
  'face-api': openFaceApi,
}

/**
 * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the file, ERR_FACENET_CUDA_UNAVAILABLE,
 *   ERR_FACENET_INVALID_ARGUMENT for an option, ERR_FACENET_ABORTED.
 */
export async function openDetector(source: DetectorSource, options: OpenDetectorOptions = {}): Promise<Detector> {
  checkOptions(options, 'options', ['device', 'threads', 'signal'])
  const preference = checkOneOf(options.device ?? 'auto', 'options.device', devicePreferences)
  const threads = checkThreads(options.threads)
  const signal = checkSignal(options.signal)
  throwIfAborted(signal)
  const { kind: device } = resolveDevice(preference)
  const file = await load(source)
  throwIfAborted(signal)
  return detectors[file.metadata.detector](file, { device, dtype: 'f32', threads })
}

function load(source: DetectorSource): Promise<DetectorFile> {
  if (typeof source === 'string') return readDetector(source)
  const sound = typeof source === 'object' && source !== null && source.graphs && source.tensors instanceof Map
  if (!sound) throw invalidArgument('model', 'a path, or an object with graphs and a Map of tensors', source)
  return detectorInMemory(source)
}

export interface DetectFacesOptions extends DetectOptions {
  /** What `openDetector` takes, or a detector that is open and stays so. */
  model: DetectorSource | Detector
}

/**
 * The faces of each image, the best first: pixels, image files, or the bytes of image files (whose EXIF orientation is applied
 * before anything is measured). Opening a detector takes longer than a small image; for many calls open it once.
 */
export async function detectFaces(
  images: readonly (RgbImage | ImageInput)[],
  options: DetectFacesOptions,
): Promise<DetectedFace[][]> {
  checkOptions(options, 'options', ['model', 'minSize', 'scoreThreshold', 'signal'])
  const { model, ...rest } = options
  if (!Array.isArray(images)) throw invalidArgument('images', 'an array of images', images)
  const pixels = images.filter((image) => typeof image === 'object' && !(image instanceof Uint8Array))
  const { signal, ...limits } = checkDetectOptions(pixels as RgbImage[], rest)
  const opened = typeof model === 'object' && model !== null && 'detect' in model
  const detector = opened ? model : await openDetector(model, { signal })
  try {
    const found: DetectedFace[][] = []
    for (const image of images as readonly (RgbImage | ImageInput)[]) {
      const isFile = typeof image === 'string' || image instanceof Uint8Array
      const faces = isFile
        ? await findFaces(image, { detector, ...limits }, {}, signal)
        : (await detector.detect([image], { ...limits, signal }))[0]!
      found.push(faces.toSorted((a, b) => b.score - a.score))
    }
    return found
  } finally {
    if (!opened) detector.dispose()
  }
}
