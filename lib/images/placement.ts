/** Which part of an image a network sees, as a map from its pixels to those of the image. */
import { FaceNetError, invalidArgument } from '../errors.js'
import { type Affine, aligned, centred, type FivePoints, type Size } from './geometry.js'
import { defaultCenterFraction, type FaceTarget } from './target.js'
import { marginOf, templatePoints } from './templates.js'

/** Checks the options, and returns the map from output pixels into an image of a given size. */
export function placement(target: FaceTarget, points: FivePoints | undefined, name: string): (image: Size) => Affine {
  const { align = 'none', centerFraction = defaultCenterFraction, template } = target
  if (align === 'none') return (image) => centred(image, target, 1)
  if (align === 'center') {
    if (!(centerFraction > 0 && centerFraction <= 1)) {
      throw invalidArgument('centerFraction', 'a number above 0 and at most 1', centerFraction)
    }
    return (image) => centred(image, target, centerFraction)
  }
  if (align !== 'points') throw invalidArgument('align', "'none', 'center' or 'points'", align)
  if (!template) throw invalidArgument('template', "a template's name, with align 'points'", template)
  if (marginOf(template)) throw invalidArgument('align', `'detect', as template ${template} needs a face's box`, align)
  if (!points) {
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `Expected five points for ${name} but received none`, {
      argument: name,
      expected: 'five points',
      received: 'none',
    })
  }
  const map = aligned(points, templatePoints(template, target))
  return () => map
}
