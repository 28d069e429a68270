/** The report on clusters of faces, as the text of an HTML file. */
import type { ClusterScores } from '../../clustering/scores.js'
import { Faces } from '../faces.js'
import { count, counted, distance, percent } from '../format.js'
import type { Headline } from '../page.js'
import { type ClusteredFaces, clustersBySize, clustersSection } from '../sections/clusters.js'
import { assemble, type ReportBasis } from './basis.js'

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
