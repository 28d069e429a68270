/** The report on worse images, as the text of an HTML file. */
import { Faces } from '../faces.js'
import { count, counted, percent, rate } from '../format.js'
import { type DegradedVal, type RobustModel, robustnessSections } from '../sections/robustness.js'
import { assemble, type ReportBasis } from './basis.js'

/** A report on VAL under JPEG compression and with few pixels. */
export interface RobustnessReport extends ReportBasis {
  /** What was measured of each model. */
  models: readonly RobustModel[]
  /** The pairs that were judged, in words. */
  pairs: string
}

/**
 * The text of an HTML report on worse images.
 *
 * @param report what was measured, and what to show of it.
 *
 * @example
 * ```ts
 * const original = await robustnessOfAllPairs(labeled, 1e-3)
 * // The same with embeddings of images that `degrade` made worse.
 * const [compressed, small] = [await robustnessOfAllPairs(labeled, 1e-3), await robustnessOfAllPairs(labeled, 1e-3)]
 * const { dimensions } = model
 * const page = await robustnessReport({
 *   model: model.name,
 *   command: 'facenet evaluate robustness',
 *   facts: [],
 *   loadFace,
 *   models: [
 *     {
 *       name: model.name,
 *       far: 1e-3,
 *       dimensions,
 *       original,
 *       jpegQuality: [{ at: 20, ...compressed }],
 *       pixels: [{ at: 1600, ...small }],
 *     },
 *   ],
 *   pairs: 'All pairs of 1,000 images',
 * })
 * ```
 */
export async function robustnessReport(report: RobustnessReport): Promise<string> {
  const { models, pairs } = report
  const least = (rows: readonly DegradedVal[]) => rows.reduce((worst, row) => (row.val < worst.val ? row : worst))
  const headlines = models.flatMap(({ name, far, original, jpegQuality, pixels }) => {
    const [jpeg, small] = [least(jpegQuality), least(pixels)]
    return [
      { label: `${name}: VAL at FAR ${rate(far)}`, value: percent(original.val), note: 'images as they are' },
      { label: `JPEG quality ${jpeg.at}`, value: percent(jpeg.val), note: 'VAL' },
      { label: `${count(small.at)} pixels`, value: percent(small.val), note: 'VAL' },
    ]
  })
  return assemble(report, new Faces(report.loadFace, report.signal), {
    kicker: 'robustness',
    title: `What worse images cost ${models.length === 1 ? report.model : counted(models.length, 'model')}`,
    lead: `${pairs}.`,
    headlines,
    sections: robustnessSections(models),
  })
}
