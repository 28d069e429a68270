/** The reports: of pairs judged by a protocol, of all pairs of labelled images, of clusters. Each is the text of an HTML file. */
import type { ClusterScores } from '../clustering/scores.js'
import { curveOf } from '../evaluation/curve.js'
import type { AllPairsResult } from '../evaluation/evaluate_all_pairs.js'
import type { PairsResult, ValAtFar } from '../evaluation/evaluate_pairs.js'
import { equalErrorRate } from '../evaluation/rates.js'
import { histogram } from './charts/histogram.js'
import { curveTable, detFigure, type RatesInput, rocFigure } from './charts/rates.js'
import { type FaceLoader, Faces } from './faces.js'
import { count, counted, distance, percent, plusMinus, rate } from './format.js'
import { DistanceHistogram, type HistogramBins } from './histogram_counts.js'
import { type Content, html, named } from './html.js'
import { type Headline, page, type Section } from './page.js'
import { type ClusteredFaces, clustersBySize, clustersSection } from './sections/clusters.js'
import { foldTable } from './sections/folds.js'
import { type MapInput, mapSection } from './sections/map.js'
import { publishedSection } from './sections/published.js'
import { type DegradedVal, type RobustModel, robustnessSections } from './sections/robustness.js'
import { trainingSection } from './sections/training.js'
import { type JudgedPair, mostWorstPairs, type WorstPairs, worstPairsSection } from './sections/worst_pairs.js'
import { table } from './table.js'
import type { Progress } from './training_progress.js'

export { clustersBySize }

/** What all reports need. */
export interface ReportBasis {
  /** What the model is called. */
  model: string
  /** The command, without paths. */
  command: string
  /** How it was measured: terms and what they are. */
  facts: readonly (readonly [string, string])[]
  /** Gives the pictures of faces; `loadFaces` makes one. */
  loadFace: FaceLoader
  /** Embeddings for a map of the faces; left out: the report has no map. */
  map?: MapInput
  /** Progress of the run that trained the model; left out: the report has no learning curve. */
  training?: readonly Progress[]
  /** Aborts with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/** Bars of a histogram of distances. */
const bars = 64

/** A report on a list of pairs, of `evaluateLfw` or `evaluateYtf`. */
export interface ListedPairsReport extends ReportBasis {
  /** Which published figures are shown beside. */
  set: 'lfw' | 'ytf'
  /** Short name of what was measured, as in `LFW View 2`. */
  protocol: string
  /** What was judged, and how. */
  heading: string
  /** Accuracy, folds, VAL and ROC. */
  result: PairsResult
  /** What the standard error is taken over, as in `standard error of the mean over folds`. */
  errorOf: string
  /** Every pair that was judged, with the threshold that judged it. */
  pairs: readonly (JudgedPair & { same: boolean })[]
}

/**
 * The text of an HTML report on a list of pairs.
 *
 * @param report what was measured, and what to show of it.
 *
 * @example
 * ```ts
 * const { result, distances, pairs, embedded } = await evaluateLfw(model, ['lfw/'])
 * const judged = pairs.at(-1)!.map(({ a, b, same }, i) => ({
 *   a: { path: a, label: a },
 *   b: { path: b, label: b },
 *   distance: distances[i]!,
 *   threshold: result.threshold,
 *   same,
 * }))
 * const page = await listedPairsReport({
 *   model: model.name,
 *   command: 'facenet evaluate lfw',
 *   facts: [['images', String(embedded.embeddings.size)]],
 *   loadFace,
 *   set: 'lfw',
 *   protocol: 'LFW View 2',
 *   heading: 'Ten folds of 600 pairs',
 *   result,
 *   errorOf: 'standard error of the mean over folds',
 *   pairs: judged,
 * })
 * ```
 */
export async function listedPairsReport(report: ListedPairsReport): Promise<string> {
  const { result, pairs, model, protocol, heading, set, errorOf } = report
  const faces = new Faces(report.loadFace, report.signal)
  const of = (same: boolean) => pairs.filter((pair) => pair.same === same)
  const counts = { same: of(true).length, different: of(false).length }
  const bins = new DistanceHistogram()
  for (const pair of pairs) bins.add(pair.distance, pair.same)
  const distances = (same: boolean) => Float64Array.from(of(same), (pair) => pair.distance)
  const worst = worstOf(pairs)
  const rates: RatesInput = {
    roc: result.roc,
    val: result.val,
    pairs: counts,
    equalErrorRate: equalErrorRate(curveOf(distances(true), distances(false))),
    over: result.folds.length > 1 ? 'folds' : null,
  }
  const { accuracy, standardError, threshold, folds } = result
  const wrong = worst.falseAccepts.total + worst.falseRejects.total
  const own = { name: model, accuracy, standardError, protocol }
  return assemble(report, faces, {
    kicker: protocol,
    title: `${percent(accuracy)} of pairs judged rightly by ${model}`,
    lead: `${heading.replace(/\d{4,}/g, (number) => count(Number(number)))}.`,
    headlines: [
      { label: 'Accuracy', value: percent(accuracy), note: `${plusMinus(standardError)}, ${errorOf}` },
      {
        label: 'Threshold',
        value: distance(threshold),
        note: folds.length > 1 ? 'squared distance, mean over folds' : 'squared distance',
      },
      ...bestVal(result.val),
      { label: 'Equal error rate', value: percent(rates.equalErrorRate.rate), note: 'over all pairs together' },
      { label: 'Judged wrongly', value: count(wrong), note: `of ${counted(pairs.length, 'pair')}` },
    ],
    sections: [
      distancesSection(bins.merged(bars), threshold, counts, rates),
      {
        id: 'folds',
        title: folds.length > 1 ? 'Fold by fold' : 'Accuracy and VAL',
        body: html`<div class="plates"><div class="plate">${foldTable(folds)}</div><div class="plate">${curveTable('VAL by false accept rate', rates)}</div></div>`,
      },
      await worstPairsSection(worst, faces),
      publishedSection(set, own),
    ],
  })
}

function worstOf(pairs: ListedPairsReport['pairs']): WorstPairs {
  const wrong = (same: boolean) => pairs.filter((pair) => pair.same === same && pair.distance < pair.threshold !== same)
  const [accepts, rejects] = [wrong(false), wrong(true)]
  const kept = (list: typeof accepts, sign: number) =>
    list.toSorted((a, b) => (a.distance - b.distance) * sign).slice(0, mostWorstPairs)
  return {
    falseAccepts: { total: accepts.length, pairs: kept(accepts, 1) },
    falseRejects: { total: rejects.length, pairs: kept(rejects, -1) },
  }
}

/** A report on all pairs of labelled images, of `evaluateAllPairs`. */
export interface AllPairsReport extends ReportBasis {
  /** Thresholds, VAL, FAR and slices. */
  result: AllPairsResult
  /** All distances, counted; `PairWatch` does that. */
  histogram: DistanceHistogram
  /** The pairs that are judged wrongly, the worst first. */
  worst: WorstPairs
  /** The column of the user's table whose values the slices are. */
  column?: string
}

/**
 * The text of an HTML report on all pairs of labelled images.
 *
 * @param report what was measured, and what to show of it.
 *
 * @example
 * ```ts
 * const watch = new PairWatch(labeled.people, 24)
 * const result = await evaluateAllPairs(labeled, { onTile: watch.onTile })
 * const shown = (row: number) => ({ path: labeled.paths[row]!, label: labeled.people[row]! })
 * const kind = (pairs: FacePair<number>[]) => ({
 *   total: pairs.length,
 *   pairs: pairs.map(({ a, b, distance }) => ({ a: shown(a), b: shown(b), distance, threshold: result.threshold })),
 * })
 * const page = await allPairsReport({
 *   model: model.name,
 *   command: 'facenet evaluate pairs',
 *   facts: [],
 *   loadFace,
 *   result,
 *   histogram: watch.histogram,
 *   worst: {
 *     falseAccepts: kind(watch.extremes.falseAccepts(result.threshold)),
 *     falseRejects: kind(watch.extremes.falseRejects(result.threshold)),
 *   },
 * })
 * ```
 */
export async function allPairsReport(report: AllPairsReport): Promise<string> {
  const { result, worst, model, column } = report
  const { pairs, images, people, far, threshold, valAtThreshold, confidenceInterval: interval } = result
  const faces = new Faces(report.loadFace, report.signal)
  const rates: RatesInput = { ...result, over: 'splits' }
  return assemble(report, faces, {
    kicker: 'all pairs of labelled images',
    title: `VAL ${percent(valAtThreshold)} at FAR ${rate(far)} with ${model}`,
    lead: `${counted(images, 'image')} of ${counted(people, 'person', 'people')}, every pair of them measured: ${count(pairs.same)} same and ${count(pairs.different)} different pairs.`,
    headlines: [
      { label: `VAL at FAR ${rate(far)}`, value: percent(valAtThreshold), note: 'same pairs accepted' },
      {
        label: 'Threshold',
        value: distance(threshold),
        note: `95 % interval ${distance(interval.low)} to ${distance(interval.high)}, pairs taken for independent`,
      },
      {
        label: 'Equal error rate',
        value: percent(result.equalErrorRate.rate),
        note: `at ${distance(result.equalErrorRate.threshold)}`,
      },
      { label: 'Pairs', value: count(pairs.same + pairs.different), note: `${count(pairs.same)} same` },
    ],
    sections: [
      distancesSection(report.histogram.merged(bars), threshold, pairs, rates),
      {
        id: 'val',
        title: 'VAL by false accept rate',
        body: html`<div class="plate">${curveTable('VAL by false accept rate', rates)}</div>`,
      },
      ...slicesSection(result, column),
      await worstPairsSection(worst, faces),
    ],
  })
}

function slicesSection({ slices, far }: AllPairsResult, column: string | undefined): Section[] {
  if (slices.length === 0 || column === undefined) return []
  const share = (value: number | null) => (value === null ? '–' : percent(value))
  const columns = [
    { title: named(column) },
    ...['same pairs', 'different pairs', 'VAL', 'FAR', 'own threshold'].map((title) => ({ title })),
    { title: '', kind: 'words' as const },
  ]
  const rows = slices.map(({ value, pairs, val, far, threshold, reason }) => [
    named(value),
    count(pairs.same),
    count(pairs.different),
    share(val),
    far === null ? '–' : percent(far, 3),
    threshold === null ? '–' : distance(threshold),
    reason ?? '',
  ])
  const text = html`<p class="text">VAL and FAR at the threshold of all pairs, over the pairs whose images both have the value; the own threshold is what the slice would choose for FAR ${rate(far)}.</p>`
  const body = html`${text}<div class="plate">${table(`By ${column}`, columns, [{ rows }])}</div>`
  return [{ id: 'slices', title: `By ${column}`, body }]
}

/** A report on clusters of faces. */
export interface ClusterReport extends ReportBasis {
  /** The faces and the cluster of each. */
  clusters: ClusteredFaces
  /** Squared L2 distance below which faces were joined. */
  threshold: number
  /** How clusters were joined, as in `average linkage`. */
  method: string
  /** How well the clusters agree with the people, where these are known. */
  scores?: ClusterScores
}

/**
 * The text of an HTML report on clusters of faces.
 *
 * @param report what was clustered, and what to show of it.
 *
 * @example
 * ```ts
 * const labels = await clusterEmbeddings(rows, { threshold: 1.1 })
 * const page = await clusterReport({
 *   model: model.name,
 *   command: 'facenet cluster',
 *   facts: [],
 *   loadFace,
 *   clusters: { paths: photographs, labels, names: photographs },
 *   threshold: 1.1,
 *   method: 'average linkage',
 * })
 * ```
 */
export async function clusterReport(report: ClusterReport): Promise<string> {
  const { clusters, threshold, method, scores, model } = report
  const faces = new Faces(report.loadFace, report.signal)
  const found = clustersBySize(clusters.labels).length
  return assemble(report, faces, {
    kicker: 'clustering',
    title: `${counted(clusters.paths.length, 'face')}, ${counted(found, 'cluster')}`,
    lead: `Grouped by ${model} and ${method}, below a squared distance of ${distance(threshold)}.`,
    headlines: [
      {
        label: 'Clusters',
        value: count(found),
        note: scores ? `of ${counted(scores.identities, 'person', 'people')}` : null,
      },
      { label: 'Faces', value: count(clusters.paths.length) },
      ...scoreHeadlines(scores),
    ],
    sections: [await clustersSection(clusters, faces)],
  })
}

function scoreHeadlines(scores: ClusterScores | undefined): Headline[] {
  if (!scores) return []
  const { bcubed, pairwise, purity } = scores
  const parts = (of: { precision: number; recall: number }) =>
    `precision ${percent(of.precision, 1)}, recall ${percent(of.recall, 1)}`
  return [
    { label: 'BCubed F', value: bcubed.f.toFixed(3), note: parts(bcubed) },
    { label: 'Pairwise F', value: pairwise.f.toFixed(3), note: parts(pairwise) },
    { label: 'Purity', value: purity.toFixed(3), note: 'faces of the person most frequent in their cluster' },
  ]
}

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

function distancesSection(
  bins: HistogramBins,
  threshold: number,
  pairs: { same: number; different: number },
  rates: RatesInput,
): Section {
  return {
    id: 'distances',
    title: 'Distances and errors',
    body: html`<div class="plates">${histogram('histogram', { bins, threshold, pairs })}</div>
<div class="plates">${rocFigure('roc', rates)}${detFigure('det', rates)}</div>`,
  }
}

/** VAL at the lowest false accept rate that the pairs can show. */
function bestVal(val: readonly ValAtFar[]): Headline[] {
  const shown = val.findLast((entry) => entry.val !== null)
  if (!shown) return []
  return [{ label: `VAL at FAR ${rate(shown.far)}`, value: percent(shown.val!), note: plusMinus(shown.standardError) }]
}

interface Parts {
  kicker: string
  title: string
  lead: Content
  headlines: readonly Headline[]
  sections: readonly Section[]
}

/** Adds what every report may have, and the pictures once all sections have asked for theirs. */
async function assemble(report: ReportBasis, faces: Faces, parts: Parts): Promise<string> {
  const map = report.map && (await mapSection(report.map, faces, report.signal))
  const sections = [...parts.sections]
  if (map) sections.push(map)
  if (report.training) sections.push(trainingSection(report.training))
  const missing = faces.missing
  const facts = [...report.facts]
  if (missing > 0)
    facts.push(['Pictures', `${counted(missing, 'face')} could not be read again and are hatched squares`])
  return page({
    ...parts,
    kicker: `${report.command} · ${parts.kicker}`,
    sections,
    facts,
    faceStyle: await faces.css(),
  })
}
