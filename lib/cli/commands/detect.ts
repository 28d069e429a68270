/** `facenet detect`: where the faces are. */
import { minPixels } from '../../detection/min_size.js'
import type { DetectedFace, Detector } from '../../detection/types.js'
import { FaceNetError } from '../../errors.js'
import { writeAtomically } from '../../files/atomic_write.js'
import { readImageSize } from '../../images/decode.js'
import { findFaces } from '../../images/index.js'
import type { FailedImage } from '../../index.js'
import { drawFaces } from '../../report/overlay.js'
import type { SourceImage } from '../../sources/index.js'
import { detectorOf, readDetection } from '../common/alignment.js'
import { listFailures } from '../common/failures.js'
import { type Context, PartialFailure } from '../context.js'
import type { DetectOptions } from '../options/images.js'
import { UsageError } from '../usage_error.js'

export async function run(context: Context<DetectOptions>): Promise<void> {
  const { overlay } = context.options
  if (overlay !== undefined && context.operands.length > 1) throw new UsageError('--overlay is for one image')
  const detection = readDetection(context)
  const detector = await detectorOf(context)
  const failures: FailedImage[] = []
  let done = 0
  try {
    for await (const image of context.images()) {
      if (overlay !== undefined && done + failures.length > 0) throw new UsageError('--overlay is for one image')
      const found = await detect(image, (bytes) =>
        findFaces(bytes, { detector, ...detection }, context.limits(), context.signal),
      )
      if (found instanceof FaceNetError) failures.push({ path: image.path, error: found })
      else {
        done++
        const least = Math.ceil(await smallestFace(context, found, detector))
        const { faces } = found
        await context.print(context.json ? faceLine(image.path, faces, least) : faceTable(image.path, faces, least))
        if (overlay !== undefined) await writeOverlay(found.bytes, found.faces, overlay)
      }
    }
  } finally {
    detector.dispose()
  }
  await context.printPassedOver()
  if (done + failures.length === 0) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
  listFailures(context, failures, done + failures.length)
  if (failures.length > 0) throw new PartialFailure()
}

/** The faces of an image and its bytes, or what is wrong with it. */
async function detect(image: SourceImage, find: (bytes: Uint8Array) => Promise<DetectedFace[]>) {
  try {
    const bytes = await image.read()
    return { bytes, faces: await find(bytes) }
  } catch (error) {
    if (!(error instanceof FaceNetError) || error.code === 'ERR_FACENET_ABORTED') throw error
    return error
  }
}

/** Shorter side, in pixels, of the smallest face that was looked for. */
async function smallestFace(context: Context<DetectOptions>, { bytes }: { bytes: Uint8Array }, detector: Detector) {
  const size = await readImageSize({ bytes, name: 'image' }, context.limits())
  return minPixels(context.options.minSize, size) ?? detector.smallestFace(size)
}

/** Hundredths of a pixel, and a score of four digits. */
function faceLine(path: string, faces: DetectedFace[], minSize: number): string {
  const round = (value: number, digits = 2) => Number(value.toFixed(digits))
  const rows = faces.map(({ box, score, points, turn }) => ({
    box: { x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) },
    score: round(score, 4),
    points: points.map((value) => round(value)),
    turn,
  }))
  return JSON.stringify({ path, minSize, faces: rows })
}

function faceTable(path: string, faces: DetectedFace[], minSize: number): string {
  const none = `no face of ${minSize} pixels or more`
  const count = faces.length === 0 ? none : faces.length === 1 ? '1 face' : `${faces.length} faces`
  const rows = faces.map(({ box, score, turn }) => {
    const [x, y, width, height] = [box.x, box.y, box.width, box.height].map(Math.round)
    return `  ${width}x${height} at ${x},${y}, score ${score.toFixed(2)}${turn ? `, upright when turned by ${turn} degrees` : ''}`
  })
  return [`${path}: ${count}`, ...rows].join('\n')
}

async function writeOverlay(bytes: Uint8Array, faces: DetectedFace[], out: string): Promise<void> {
  const drawn = await drawFaces(bytes, faces)
  const picture = /\.png$/i.test(out) ? drawn.png() : /\.webp$/i.test(out) ? drawn.webp() : drawn.jpeg({ quality: 90 })
  const file = await picture.toBuffer()
  await writeAtomically(out, (write) => write(file))
}
