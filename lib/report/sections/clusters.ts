/** Clusters as contact sheets, the largest first. */
import type { Faces } from '../faces.js'
import { count, counted } from '../format.js'
import { type Content, type Html, html, named } from '../html.js'
import type { Section } from '../page.js'

/** Clusters that are shown, and faces of each. */
export const mostSheets = 60
export const mostSheetFaces = 24

/** Faces and the cluster of each. */
export interface ClusteredFaces {
  /** Image of each face. */
  paths: readonly string[]
  /** Cluster of each face, as `clusterEmbeddings` gives it; -1: in no cluster. */
  labels: Int32Array
  /** What each face is called. */
  names: readonly string[]
  /** The person each face is known to show, where that is known. */
  people?: readonly string[]
}

export async function clustersSection(input: ClusteredFaces, faces: Faces): Promise<Section> {
  const { labels, paths, people } = input
  const clusters = clustersBySize(labels)
  const several = clusters.filter((members) => members.length > 1)
  const single = clusters.filter((members) => members.length === 1).flat()
  const shown = several.slice(0, mostSheets).map((members) => ({ members, some: choose(members, input) }))
  const alone = [...labels.keys()].filter((row) => labels[row] === noise)
  const rows = [
    ...shown.flatMap(({ some }) => some),
    ...[single, alone].flatMap((list) => list.slice(0, mostSheetFaces)),
  ]
  await faces.add(rows.map((row) => paths[row]!))
  const sentences = [
    `${counted(clusters.length, 'cluster')} of ${counted(paths.length - alone.length, 'face')}, ${count(single.length)} with one face only.`,
    several.length > shown.length && `The ${count(shown.length)} largest are shown.`,
    alone.length > 0 && `${counted(alone.length, 'face')} are in no cluster.`,
    people && 'A dashed frame marks a face of someone else than most of its cluster.',
  ]
  return {
    id: 'clusters',
    title: 'Clusters',
    body: html`<p class="text">${sentences.filter(Boolean).join(' ')}</p>
<ol class="clusters">${shown.map(({ members, some }, i) => clusterSheet(i, members, some, input, faces))}${heap(
      'Clusters of one face',
      single,
      input,
      faces,
    )}${heap('In no cluster', alone, input, faces)}</ol>`,
  }
}

/** The label of faces that are in no cluster. */
const noise = -1

/**
 * Rows of each cluster, the largest first, ties by the first row. Faces in no cluster are left out.
 *
 * @param labels the cluster of each row; -1: in no cluster.
 *
 * @example
 * ```ts
 * const [largest] = clustersBySize(await clusterEmbeddings(rows, { threshold: 1.1 }))
 * ```
 */
export function clustersBySize(labels: Int32Array): number[][] {
  const members = new Map<number, number[]>()
  for (const [row, label] of labels.entries()) {
    if (label === noise) continue
    const list = members.get(label)
    if (list) list.push(row)
    else members.set(label, [row])
  }
  return [...members.values()].sort((a, b) => b.length - a.length || a[0]! - b[0]!)
}

/** The faces that are shown: where people are known, those that do not belong come last and are never cut off. */
function choose(members: readonly number[], { people }: ClusteredFaces): number[] {
  if (!people) return members.slice(0, mostSheetFaces)
  const most = frequent(members, people)
  const odd = members.filter((row) => people[row] !== most).slice(0, mostSheetFaces / 2)
  return [...members.filter((row) => people[row] === most).slice(0, mostSheetFaces - odd.length), ...odd]
}

/** The person of most members; of several the one that comes first. */
function frequent(members: readonly number[], people: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const row of members) counts.set(people[row]!, (counts.get(people[row]!) ?? 0) + 1)
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))[0]
}

function clusterSheet(
  i: number,
  members: readonly number[],
  some: readonly number[],
  input: ClusteredFaces,
  faces: Faces,
): Html {
  const { people } = input
  const most = people && frequent(members, people)
  const others = people ? new Set(members.map((row) => people[row]!)).size - 1 : 0
  const also = others > 0 ? ` and ${counted(others, 'other person', 'other people')}` : ''
  const title = html`${most === undefined ? `Cluster ${i + 1}` : named(most)}${also}`
  const size = `${most === undefined ? '' : `cluster ${i + 1}, `}${counted(members.length, 'face')}`
  return sheet(title, size, some, members.length - some.length, input, faces, most)
}

/** Faces that have no more to do with each other than what the title says. */
function heap(title: string, rows: readonly number[], input: ClusteredFaces, faces: Faces): Content {
  if (rows.length === 0) return ''
  const some = rows.slice(0, mostSheetFaces)
  return sheet(title, counted(rows.length, 'face'), some, rows.length - some.length, input, faces)
}

/** @param most who all but the marked faces are. */
function sheet(
  title: Content,
  size: string,
  some: readonly number[],
  hidden: number,
  { people, names, paths }: ClusteredFaces,
  faces: Faces,
  most?: string,
): Html {
  const pictures = some.map((row) => {
    const odd = most !== undefined && people![row] !== most
    const label = odd ? `${names[row]}, someone else: ${people![row]}` : names[row]!
    return html`<li>${faces.picture(paths[row]!, label, odd ? 'odd' : '')}</li>`
  })
  return html`<li class="plate"><h3>${title}</h3>
<small>${size}</small>
<ul class="sheet">${pictures}${hidden > 0 ? html`<li class="more">and ${count(hidden)} more</li>` : ''}</ul></li>
`
}
