/** The pairs that are judged wrongly, as pictures: the paper's figures of false accepts and false rejects. */
import type { FacePair } from '../extremes.js'
import type { Faces } from '../faces.js'
import { count, counted, distance } from '../format.js'
import { type Html, html, named } from '../html.js'
import type { Section } from '../page.js'

/** Of each kind; the worst first. */
export const mostWorstPairs = 24

/** A pair of faces and the threshold that judged it. */
export interface JudgedPair extends FacePair<ShownFace> {
  /** The threshold that judged it. */
  threshold: number
}

/** A face in a report. */
export interface ShownFace {
  /** Its image, as the report's `loadFace` knows it. */
  path: string
  /** Printed below the picture. */
  label: string
}

/** The pairs that are judged wrongly. */
export interface WorstPairs {
  /** Different people below the threshold: how many, and the nearest of them. */
  falseAccepts: { total: number; pairs: readonly JudgedPair[] }
  /** One person at or above the threshold: how many, and the farthest of them. */
  falseRejects: { total: number; pairs: readonly JudgedPair[] }
}

export async function worstPairsSection(worst: WorstPairs, faces: Faces): Promise<Section> {
  const { falseAccepts, falseRejects } = worst
  const all = [...falseAccepts.pairs, ...falseRejects.pairs]
  await faces.add(all.flatMap(({ a, b }) => [a.path, b.path]))
  const farthest = Math.max(...all.flatMap((pair) => [pair.distance, pair.threshold])) * 1.05
  return {
    id: 'wrong',
    title: 'Where it is wrong',
    body: html`${list('False accepts', 'different people, nearer than the threshold', falseAccepts, farthest, faces)}
${list('False rejects', 'one person, not nearer than the threshold', falseRejects, farthest, faces)}`,
  }
}

type List = WorstPairs['falseAccepts']

function list(title: string, what: string, { total, pairs }: List, farthest: number, faces: Faces): Html {
  const part = pairs.length < total ? `, the ${count(pairs.length)} worst` : ''
  const heading = html`<h3 class="kind">${title} <span>${counted(total, 'pair')}: ${what}${part}</span></h3>`
  if (pairs.length === 0) return html`${heading}<p class="text">None.</p>`
  return html`${heading}<ul class="pairs">${pairs.map((pair) => item(pair, farthest, faces))}</ul>`
}

function item({ a, b, distance: d, threshold }: JudgedPair, farthest: number, faces: Faces): Html {
  const at = (value: number) => `left:${((value / farthest) * 100).toFixed(1)}%`
  return html`<li><div class="two">${faces.picture(a.path)}${faces.picture(b.path)}</div>
<div class="scale" aria-hidden="true"><i style="${at(threshold)}"></i><b style="${at(d)}"></b></div>
<p class="faraway"><span><strong>${distance(d)}</strong><span class="hidden"> squared distance</span></span><span>threshold ${distance(threshold)}</span></p>
<p class="names">${named(a.label)}<br>${named(b.label)}</p></li>
`
}
