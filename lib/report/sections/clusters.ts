/** Clusters as contact sheets, the largest first. */
import type { Faces } from '../faces.js'
import { count, counted } from '../format.js'
import { type Html, html, named } from '../html.js'
import type { Section } from '../page.js'

/** Clusters that are shown, and faces of each. */
export const mostSheets = 60
export const mostSheetFaces = 24

export interface ClusteredFaces {
  paths: readonly string[]
  labels: Int32Array
  /** What each face is called. */
  names: readonly string[]
  /** The person each face is known to show, where that is known. */
  people?: readonly string[]
}

export async function clustersSection(input: ClusteredFaces, faces: Faces): Promise<Section> {
  const clusters = bySize(input.labels)
  const shown = clusters.slice(0, mostSheets).map((members) => ({ members, some: choose(members, input) }))
  await faces.add(shown.flatMap(({ some }) => some.map((row) => input.paths[row]!)))
  const single = clusters.filter((members) => members.length === 1).length
  const rest = clusters.length - shown.length
  const odd = input.people ? ' A dashed frame marks a face of someone else than most of its cluster.' : ''
  return {
    id: 'clusters',
    title: 'Clusters',
    body: html`<p class="text">${counted(clusters.length, 'cluster')} of ${counted(input.paths.length, 'face')}, ${count(single)} of them with one face only.${rest > 0 ? ` The ${count(shown.length)} largest are shown.` : ''}${odd}</p>
<ol class="clusters">${shown.map(({ members, some }, i) => sheet(i, members, some, input, faces))}</ol>`,
  }
}

/** Rows of each cluster, the largest first, ties by the first row. */
function bySize(labels: Int32Array): number[][] {
  const members = new Map<number, number[]>()
  for (const [row, label] of labels.entries()) {
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

function sheet(
  i: number,
  members: readonly number[],
  some: readonly number[],
  input: ClusteredFaces,
  faces: Faces,
): Html {
  const { people, names, paths } = input
  const most = people ? frequent(members, people) : undefined
  const others = people ? new Set(members.map((row) => people[row]!)).size - 1 : 0
  const also = others > 0 ? ` and ${counted(others, 'other person', 'other people')}` : ''
  const pictures = some.map((row) => {
    const strange = people !== undefined && people[row] !== most
    const label = strange ? `${names[row]}, someone else: ${people[row]}` : names[row]!
    return html`<li${strange ? html` class="odd"` : ''}>${faces.picture(paths[row]!, label)}</li>`
  })
  const hidden = members.length - some.length
  return html`<li class="plate"><h3>${most === undefined ? `Cluster ${i + 1}` : named(most)}${also}</h3>
<small>${most === undefined ? '' : `cluster ${i + 1}, `}${counted(members.length, 'face')}</small>
<ul class="sheet">${pictures}${hidden > 0 ? html`<li class="more">and ${count(hidden)} more</li>` : ''}</ul></li>
`
}
