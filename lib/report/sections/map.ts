/** The map of embeddings, whose faces can be looked at one by one, by hand or by keyboard. */
import { chooseRows, leastPoints, type MapFaces, type MapPoint, placeOnMap } from '../face_map.js'
import type { Faces } from '../faces.js'
import { count, counted, distance } from '../format.js'
import { Html, html, named } from '../html.js'
import type { Section } from '../page.js'
import { table } from '../table.js'

/** Groups that have a shape and a colour of their own. */
const knownGroups = 8
/** Up to so many faces the map starts with pictures instead of points. */
const picturesUpTo = 150

/** A map of faces by person or by cluster. */
export interface MapInput extends MapFaces {
  /** What a group is called: `person` or `cluster`. */
  kind: 'person' | 'cluster'
  /** What a face is called, by row. A group without a name is none: its faces stand for themselves. */
  labels: readonly string[]
}

export async function mapSection(input: MapInput, faces: Faces, signal?: AbortSignal): Promise<Section | undefined> {
  const { paths, groups, labels, kind } = input
  if (paths.length < leastPoints) return undefined
  const rows = chooseRows(groups)
  const points = await placeOnMap(input, rows, signal)
  if (!points) return withoutMap
  await faces.add(rows.map((row) => paths[row]!))
  const known = largest(points.map(({ row }) => groups[row]!))
  const many = kind === 'person' ? 'people' : 'clusters'
  const part =
    rows.length < paths.length
      ? ` They are ${count(rows.length)} of ${count(paths.length)}: the ${many} with most.`
      : ''
  return {
    id: 'map',
    title: 'The space of embeddings',
    body: html`<p class="text">Each point is a face; faces with a small distance lie close together (UMAP). What is near here is near in ${input.dimensions} dimensions, but the length of a gap says little.${part}</p>
<figure class="plate"><figcaption class="hidden">Map of ${counted(points.length, 'face')}</figcaption>
${legend(known, many)}
<label class="switch"><input type="checkbox" class="pictures"${points.length <= picturesUpTo ? new Html(' checked') : ''}> Faces instead of points</label>
<div class="map">
<div role="listbox" aria-label="Map of ${count(points.length)} faces. Arrow keys go to the next face in their direction.">
${points.map((point, i) => option(point, i, points, input, known, faces))}</div>
<div class="card" hidden aria-hidden="true"><span class="face"></span><span class="face"></span><p></p><p></p></div>
</div>
<details><summary>Map: the faces as a table</summary>${table(
      'Faces on the map, each with the one nearest to it',
      [
        { title: 'face' },
        { title: kind, kind: 'words' },
        { title: 'nearest face', kind: 'words' },
        { title: 'squared distance' },
      ],
      [
        {
          rows: points.map(({ row, nearest, distance: d }) => [
            named(labels[row]!),
            named(groups[row]!),
            named(labels[points[nearest]!.row]!),
            distance(d),
          ]),
        },
      ],
    )}</details></figure>`,
  }
}

/** Where the package that places the points is not installed, the page says so in the map's place. */
const withoutMap: Section = {
  id: 'map',
  title: 'The space of embeddings',
  body: html`<p class="text">A map of the faces needs the package umap-js, which is not installed: npm install umap-js.</p>`,
}

/** The groups with most faces, at least two, the largest first. */
function largest(groups: readonly string[]): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const group of groups) if (group !== '') sizes.set(group, (sizes.get(group) ?? 0) + 1)
  const order = [...sizes].filter(([, size]) => size > 1).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return new Map(order.slice(0, knownGroups).map(([group], i) => [group, i]))
}

function legend(known: Map<string, number>, many: string): Html {
  if (known.size === 0) return html``
  const items = [...known].map(
    ([group, i]) => html`<li><i class="sample g${i}" aria-hidden="true"></i>${named(group)}</li>`,
  )
  return html`<ul class="key">${items}<li><i class="sample other" aria-hidden="true"></i>other ${many}</li></ul>`
}

function option(
  { row, x, y, nearest, distance: d }: MapPoint,
  i: number,
  points: readonly MapPoint[],
  { paths, labels, groups }: MapInput,
  known: Map<string, number>,
  faces: Faces,
): Html {
  const { className, style } = faces.place(paths[row]!)
  const group = known.get(groups[row]!)
  const kind = group === undefined ? '' : ` known g${group}`
  const label = labels[row]!
  const where = `left:${(x * 100).toFixed(2)}%;top:${(y * 100).toFixed(2)}%`
  const name = `${label}; nearest: ${labels[points[nearest]!.row]!}, distance ${distance(d)}`
  return html`<div role="option" class="point${kind} ${className.replace('face ', '')}" style="${where};${style}" tabindex="${i === 0 ? 0 : -1}" aria-selected="false" aria-label="${name}" data-name="${label}" data-nearest="${nearest}" data-distance="${distance(d)}" data-face="${className}" data-cell="${style}"></div>
`
}
