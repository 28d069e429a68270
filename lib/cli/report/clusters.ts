/** The report of `cluster`. */
import { basename } from 'node:path'
import type { ClusterScores } from '../../clustering/index.js'
import type { Align, FivePoints } from '../../images/index.js'
import type { Model } from '../../index.js'
import { openSource, type SourceImage } from '../../sources/index.js'
import type { Context } from '../context.js'
import type { ClusterOptions } from '../options/images.js'
import { alignmentNames, type Facts, faceLoader, type ReportTarget, shortName, writeReport } from './target.js'

export interface ClusteredFace {
  path: string
  /** The image it is in. */
  image: string
  /** Where it was detected. */
  points?: FivePoints
}

export interface ClusteredShown {
  faces: readonly ClusteredFace[]
  embeddings: Float32Array
  labels: Int32Array
  threshold: number
  /** What joined them. */
  method: string
  /** The same with its threshold. */
  below: string
  align: Align
  /** Images that could not be used. */
  failed: number
  /** With the person each face is known to show. */
  scored?: { scores: ClusterScores; people: readonly string[] }
}

export async function writeClusterReport(
  context: Context<ClusterOptions>,
  target: ReportTarget,
  model: Model,
  shown: ClusteredShown,
): Promise<void> {
  const { clusterReport } = await import('../../report/reports/clusters.js')
  const { clustersBySize } = await import('../../report/sections/clusters.js')
  const { faces, embeddings, labels, threshold, method, scored } = shown
  const images = new Map<string, SourceImage>()
  for await (const image of openSource(context.operands, context.readingAgain())) images.set(image.path, image)
  const byPath = new Map(faces.map((face) => [face.path, face]))
  const names = faces.map(({ path }) => shortName(path))
  const groups = faces.map(() => '')
  for (const [i, members] of clustersBySize(labels).entries()) {
    for (const row of members) groups[row] = `Cluster ${i + 1}`
  }
  const paths = faces.map(({ path }) => path)
  await writeReport(context, target, async () =>
    clusterReport({
      model: model.name || basename(context.options.model),
      command: 'facenet cluster',
      facts: factsOf(model, shown),
      loadFace: await faceLoader(shown, (path) => {
        const face = byPath.get(path)
        const image = images.get(face?.image ?? path)
        return image && { read: () => image.read(), points: face?.points ?? image.points }
      }),
      map: { kind: 'cluster', paths, embeddings, dimensions: model.dimensions, groups, labels: names },
      training: target.training,
      signal: context.signal,
      clusters: { paths, labels, names, people: scored?.people },
      threshold,
      method,
      scores: scored?.scores,
    }),
  )
}

function factsOf(model: Model, { align, below, failed }: ClusteredShown): Facts {
  const facts: Facts = [
    ['Embedding', `${model.dimensions} floats`],
    ['Device', `${model.device.kind}: ${model.device.name}`],
    ['Alignment', alignmentNames[align]],
    ['Clustering', below],
    ['Distance', 'squared L2'],
    ['Fingerprint of the model', model.fingerprint],
  ]
  if (failed > 0) facts.push(['Images that could not be used', `${failed}`])
  return facts
}
