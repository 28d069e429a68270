/** A detector that needs no weights: a face is what is purely red, green or blue, one of each colour at most. */
import type { DetectedFace, DetectOptions, FaceFinder, RgbImage } from '../../lib/detection/types.js'
import { templatePoints } from '../../lib/images/index.js'

/** How many images it has seen at once, and how large they were. */
export interface FakeDetector extends FaceFinder {
  readonly calls: { width: number; height: number; options: DetectOptions }[][]
}

export function fakeDetector(): FakeDetector {
  const calls: FakeDetector['calls'] = []
  return {
    name: 'fake',
    calls,
    async detect(images, options = {}) {
      calls.push(images.map(({ width, height }) => ({ width, height, options })))
      options.signal?.throwIfAborted()
      return images.map(facesOf)
    },
  }
}

/** Blue first, so that the order by size is not the order they are found in. */
function facesOf(image: RgbImage): DetectedFace[] {
  return [2, 1, 0].flatMap((channel) => {
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1]
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        const at = (y * image.width + x) * 3
        const pure = [0, 1, 2].every((c) => (c === channel ? image.data[at + c]! > 150 : image.data[at + c]! < 90))
        if (!pure) continue
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        bottom = Math.max(bottom, y)
      }
    }
    if (right < left) return []
    const box = { x: left, y: top, width: right + 1 - left, height: bottom + 1 - top }
    // Upright, and so that dlib's template shows just the box.
    const points = templatePoints('dlib', box).map((value, i) => value + (i % 2 === 0 ? left : top))
    return [{ box, score: 0.9 - channel / 10, points }]
  })
}
