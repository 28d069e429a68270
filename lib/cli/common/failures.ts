import type { FaceChoice } from '../../images/index.js'
import type { FailedImage } from '../../index.js'
import type { Context } from '../context.js'

/** The images, of `total`, that could not be used, on stderr; those without the faces that were asked for apart. */
export function listFailures(context: Context, failures: readonly FailedImage[], total: number): void {
  const faceless = failures.filter(({ error }) => error.code === 'ERR_FACENET_FACE_COUNT')
  const bad = failures.filter(({ error }) => error.code !== 'ERR_FACENET_FACE_COUNT')
  list(context, bad, `${bad.length} of ${total} images could not be used:`)
  list(context, faceless, `${faceless.length} of ${total} images without the face that was looked for:`)
}

/** How many faces were left out for their quality. */
export function sayRefused(context: Context, faces: number): void {
  if (faces > 0) context.say(`${faces} ${faces === 1 ? 'face' : 'faces'} left out for the quality of the picture`)
}

/** Whether an image makes a run fail: a photograph of a landscape is no mistake, unless a face was asked of it. */
export function isMistake({ error }: FailedImage, faces: FaceChoice | undefined): boolean {
  return error.code !== 'ERR_FACENET_FACE_COUNT' || faces === 'one'
}

function list(context: Context, failures: readonly FailedImage[], title: string): void {
  if (failures.length === 0) return
  context.complain(title)
  for (const { path, error } of failures) {
    context.complain(`  ${error.message.includes(path) ? '' : `${path}: `}${error.message} (${error.code})`)
  }
}
