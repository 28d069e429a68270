/**
 * A contact sheet: every face with the one nearest to it, and the whole distance matrix, in one HTML file that needs
 * nothing else. Distances are squared L2.
 */
import { style } from './style.js'

/** A face on a contact sheet. */
export interface SheetFace {
  /** Printed below the face. */
  label: string
  /** Where the face comes from, for example a file name. */
  source: string
  /** A small square picture, encoded. */
  thumbnail: Uint8Array
  /** How the picture is encoded. */
  mediaType: 'image/jpeg' | 'image/png' | 'image/webp'
}

/** A photograph with what was found in it drawn over it. */
export interface SheetPhotograph {
  /** Where the photograph comes from, for example a file name. */
  source: string
  /** The picture, encoded. */
  picture: Uint8Array
  /** How the picture is encoded. */
  mediaType: 'image/jpeg' | 'image/png' | 'image/webp'
}

/** What a contact sheet shows. */
export interface Sheet {
  /** Title of the page. */
  title: string
  /** One or two sentences under the title. */
  caption: string
  /** Squared L2 distance below which two faces count as one person; null: not known, so nothing is judged. */
  threshold: number | null
  /** The faces, in the order of the distances. */
  faces: readonly SheetFace[]
  /** Where the faces were found; a section of its own, left out where there is none. */
  photographs?: readonly SheetPhotograph[]
  /** Squared L2 distances, faces x faces. */
  distances: Float32Array
}

/** A face and the other face that is nearest to it. */
export interface NearestFace {
  /** Index of the face. */
  face: number
  /** Index of the nearest other face. */
  nearest: number
  /** Squared L2 distance of the two. */
  distance: number
}

/**
 * For each face the nearest other one; ties go to the lowest index. Needs at least two faces.
 *
 * @param distances of all faces to all faces, squared L2, count x count.
 * @param count how many faces there are.
 *
 * @example
 * ```ts
 * const distances = await pairwiseDistances(rows)
 * for (const { face, nearest, distance } of nearestOthers(distances, rows.rows)) console.log(face, nearest, distance)
 * ```
 */
export function nearestOthers(distances: Float32Array, count: number): NearestFace[] {
  return Array.from({ length: count }, (_, face) => {
    let nearest = face === 0 ? 1 : 0
    for (let other = 0; other < count; other++) {
      if (other !== face && distances[face * count + other]! < distances[face * count + nearest]!) nearest = other
    }
    return { face, nearest, distance: distances[face * count + nearest]! }
  })
}

/**
 * The text of an HTML page with all faces, each with its nearest other one, and all distances.
 *
 * @param sheet what to show.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 *
 * const faces = await Promise.all(
 *   photographs.map(async (source) => ({
 *     label: source,
 *     source,
 *     thumbnail: await readFile(source),
 *     mediaType: 'image/jpeg' as const,
 *   })),
 * )
 * const distances = await pairwiseDistances(await model.embedRows(photographs))
 * const page = contactSheet({ title: 'Album', caption: 'All faces.', threshold: 1.1, faces, distances })
 * ```
 */
export function contactSheet(sheet: Sheet): string {
  const { title, caption, threshold } = sheet
  const rule =
    threshold === null
      ? 'The model states no threshold, so the sheet does not judge who is who.'
      : `Pairs below the model’s threshold of ${threshold.toFixed(3)} count as the same person and are marked with a ring.`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)}</title>
<style>${style}${thumbnails(sheet)}</style>
</head>
<body>
<header>
<h1>${html(title)}</h1>
<p>${html(caption)} ${rule}</p>
</header>
<main>
<section aria-labelledby="nearest">
<h2 id="nearest">Nearest faces</h2>
<ul class="cards">
${nearestOthers(sheet.distances, sheet.faces.length)
  .map((nearest) => card(sheet, nearest))
  .join('\n')}
</ul>
</section>
<section aria-labelledby="matrix">
<h2 id="matrix">All distances</h2>
<p class="legend"><span>near</span><span class="ramp" aria-hidden="true"></span><span>far</span></p>
<div class="scroll" role="region" aria-labelledby="matrix" tabindex="0">
${matrix(sheet)}
</div>
</section>
${photographs(sheet)}</main>
</body>
</html>
`
}

function card(sheet: Sheet, { face, nearest, distance }: NearestFace): string {
  const self = sheet.faces[face]!
  const other = sheet.faces[nearest]!
  return `<li>
<div class="pair">${picture(face, self)}${picture(nearest, other)}</div>
<p><strong>${html(self.label)}</strong> <small>${html(self.source)}</small></p>
<p>nearest: ${html(other.label)} <small>${html(other.source)}</small></p>
<p class="figure">${distance.toFixed(3)}${verdict(distance, sheet.threshold)}</p>
</li>`
}

function verdict(distance: number, threshold: number | null): string {
  if (threshold === null) return ''
  return distance < threshold ? ' <span class="same">same person</span>' : ' <span class="different">different</span>'
}

function matrix({ faces, distances, threshold }: Sheet): string {
  const count = faces.length
  const largest = distances.reduce((most, value) => Math.max(most, value), 0) || 1
  const columns = faces.map((face, j) => `<th scope="col">${picture(j, face)}</th>`).join('')
  const rows = faces.map((face, i) => {
    const cells = faces.map((_, j) => {
      const distance = distances[i * count + j]!
      if (i === j) return '<td class="self">–</td>'
      const same = threshold !== null && distance < threshold
      const label = same ? `${distance.toFixed(2)}<span class="hidden">, same person</span>` : distance.toFixed(2)
      return `<td${same ? ' class="ring"' : ''} style="--near:${(100 * (1 - distance / largest)).toFixed(0)}%">${label}</td>`
    })
    const label = `${html(face.label)} <small>${html(face.source)}</small>`
    return `<tr><th scope="row">${label}</th>${cells.join('')}</tr>`
  })
  return `<table>
<caption class="hidden">Squared distance between every two faces</caption>
<thead><tr><td></td>${columns}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}

function photographs({ photographs = [] }: Sheet): string {
  if (photographs.length === 0) return ''
  const figures = photographs.map(({ source, picture, mediaType }) => {
    const data = Buffer.from(picture).toString('base64')
    const image = `<img src="data:${mediaType};base64,${data}" alt="${html(source)}, the faces found in it framed">`
    return `<figure>${image}<figcaption>${html(source)}</figcaption></figure>`
  })
  return `<section aria-labelledby="found">
<h2 id="found">Where the faces were found</h2>
<div class="photographs">
${figures.join('\n')}
</div>
</section>
`
}

/** Each thumbnail stands in the file once, as a background that its pictures share. */
function thumbnails({ faces }: Sheet): string {
  return faces
    .map((face, i) => {
      const data = Buffer.from(face.thumbnail).toString('base64')
      return `.f${i}{background-image:url(data:${face.mediaType};base64,${data})}`
    })
    .join('\n')
}

function picture(index: number, face: SheetFace): string {
  return `<span class="face f${index}" role="img" aria-label="${html(`${face.label}, ${face.source}`)}"></span>`
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!)
}
