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

export interface ReportBasis {
  /** What the model is called. */
  model: string
  /** The command, without paths. */
  command: string
  /** How it was measured: terms and what they are. */
  facts: readonly (readonly [string, string])[]
  loadFace: FaceLoader
  map?: MapInput
  /** Of the run that trained the model. */
  training?: readonly Progress[]
  signal?: AbortSignal
}

/** Bars of a histogram of distances. */
const bars = 64

export interface ListedPairsReport extends ReportBasis {
  set: 'lfw' | 'ytf'
  /** As `LFW View 2`. */
  protocol: string
  /** What was judged, and how. */
  heading: string
  result: PairsResult
  /** What the standard error is one of. */
  errorOf: string
  /** Every pair that was judged, with the threshold that judged it. */
  pairs: readonly (JudgedPair & { same: boolean })[]
}

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

export interface AllPairsReport extends ReportBasis {
  result: AllPairsResult
  histogram: DistanceHistogram
  worst: WorstPairs
  /** The column that slices are values of. */
  column?: string
}

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

export interface ClusterReport extends ReportBasis {
  clusters: ClusteredFaces
  threshold: number
  /** What joined them, as `average linkage`. */
  method: string
  scores?: ClusterScores
}

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

export interface RobustnessReport extends ReportBasis {
  models: readonly RobustModel[]
  /** The pairs that were judged, in words. */
  pairs: string
}

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
