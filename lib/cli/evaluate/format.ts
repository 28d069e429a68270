/** Figures of evaluations as text. */
import type { ValAtFar } from '../../evaluation/index.js'
import type { EmbeddedImages } from '../../evaluation/listed_images.js'

export function fallbackLine(fallbacks: EmbeddedImages['fallbacks'], images: number): string {
  const given = fallbacks.filter(({ by }) => by === 'points').length
  const found = `no face was found in ${fallbacks.length} of ${images} images`
  return `${found}: ${given} aligned by given points, ${fallbacks.length - given} cropped at the centre`
}

/** Of pairs, where so many images failed. */
export const whySkipped = (failed: number): string => (failed > 0 ? 'are missing or could not be used' : 'are missing')

export const percent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)} %`

/** `99.12 ± 0.16 %` */
export function withError(share: number, error: number | null): string {
  return error === null ? percent(share) : `${(share * 100).toFixed(2)} ± ${percent(error)}`
}

export function valLines(val: readonly ValAtFar[]): string {
  const lines = val.flatMap(({ far, val, standardError, threshold, reason }) => {
    if (val === null) return []
    const figure = `VAL ${withError(val, standardError)} at FAR ${far}, threshold ${threshold!.toFixed(4)}`
    return reason ? `${figure} (${reason})` : figure
  })
  const [first, ...others] = val.filter((entry) => entry.val === null)
  const nor = others.length > 0 ? `; nor is VAL at FAR ${others.map(({ far }) => far).join(', ')}` : ''
  if (first) lines.push(`not shown: ${first.reason}${nor}`)
  return lines.join('\n')
}

/** `3000 same and 3000 different pairs` */
export function kinds(pairs: readonly { same: boolean }[]): string {
  const same = pairs.filter((pair) => pair.same).length
  return `${same} same and ${pairs.length - same} different pairs`
}
