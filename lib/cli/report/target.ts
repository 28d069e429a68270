/** `--report`: what a command measured, as a page. */

import type { EmbeddedImages } from '../../evaluation/listed_images.js'
import type { FaceLoader, FacePicture } from '../../report/faces.js'
import type { Progress } from '../../report/training_progress.js'
import type { Context } from '../context.js'
import { describeSetup, type Setup } from '../evaluate/images.js'
import type { ReportOptions } from '../options/shared.js'
import { UsageError } from '../usage_error.js'

export interface ReportTarget {
  path: string
  /** What --run says of the training. */
  training?: Progress[]
}

/** What --report asks for, if it is given; checked before any work is done. */
export async function reportTarget(context: Context<ReportOptions>): Promise<ReportTarget | undefined> {
  const { report: path, run } = context.options
  if (path === undefined) {
    if (run !== undefined) throw new UsageError('--run is for --report')
    return undefined
  }
  const { checkDestination } = await import('../../report/destination.js')
  await checkDestination(path)
  if (run === undefined) return { path }
  const { readProgress } = await import('../../report/training_progress.js')
  return { path, training: await readProgress(run) }
}

/** Makes the page and writes it; says how large it is and how long both took. */
export async function writeReport(
  context: Context,
  { path }: ReportTarget,
  make: () => Promise<string>,
): Promise<void> {
  const start = performance.now()
  const { writePage } = await import('../../report/destination.js')
  const page = await make()
  await writePage(path, page)
  const [size, seconds] = [Buffer.byteLength(page) / 2 ** 20, (performance.now() - start) / 1000]
  context.say(`report written to ${path}: ${size.toFixed(2)} MiB in ${seconds.toFixed(1)} s`)
}

export type Facts = [term: string, what: string][]

export const alignmentNames = {
  none: 'whole images',
  center: 'centre crop',
  points: 'by five given points',
  detect: 'by the points of detected faces',
}

/** How embeddings were made, as terms and what they are. */
export function setupFacts(setup: Setup, embedded?: EmbeddedImages): Facts {
  const { model, fingerprint, dtype, align, centerFraction, detector, flip } = describeSetup(setup)
  const { name, kind } = setup.model.device
  const facts: Facts = [
    ['Model', model],
    ['Embedding', `${setup.model.dimensions} floats, computed in ${dtype}`],
    ['Device', `${kind}: ${name}`],
    [
      'Alignment',
      centerFraction === undefined ? alignmentNames[align] : `${alignmentNames[align]}, ${centerFraction} of each side`,
    ],
    ['Mirror images', flip ? 'averaged with' : 'not used'],
  ]
  if (detector) facts.push(['Detector', detector])
  if (embedded && align === 'detect') facts.push(['Images without a found face', fallbacksOf(embedded)])
  if (embedded && embedded.failures.length > 0)
    facts.push(['Images that could not be used', `${embedded.failures.length}`])
  facts.push(['Distance', 'squared L2; below the threshold counts as one person'])
  facts.push(['Fingerprint of the model', fingerprint])
  return facts
}

function fallbacksOf({ fallbacks, embeddings }: EmbeddedImages): string {
  const given = fallbacks.filter(({ by }) => by === 'points').length
  return `${fallbacks.length} of ${embeddings.size}: ${given} aligned by given points, ${fallbacks.length - given} cropped at the centre`
}

/** Shows faces as they were aligned: upright where points are known, else the part of the image that was used. */
export async function faceLoader(
  { align, centerFraction }: Pick<Setup, 'align'> & Partial<Pick<Setup, 'centerFraction'>>,
  find: (path: string) => FacePicture | undefined,
): Promise<FaceLoader> {
  const { loadFaces } = await import('../../report/faces.js')
  const byPoints = align === 'points' || align === 'detect'
  const pictureOf = (path: string) => {
    const picture = find(path)
    return picture && !byPoints ? { read: () => picture.read() } : picture
  }
  return loadFaces(pictureOf, { align: align === 'center' ? 'center' : 'none', centerFraction })
}

/** `person/image.jpg` of a path: enough to find it again, and short. */
export const shortName = (path: string): string => path.split(/[/\\]/).slice(-2).join('/')
