/** What all charts share: a plot with its axes, as SVG that takes its colours from the page and says what it shows. */
import { type Content, Html, html } from '../html.js'

export interface Tick {
  /** Pixels from the left or from the top. */
  at: number
  text: string
}

export interface Axis {
  label: string
  ticks: readonly Tick[]
}

/** Pixels of the drawing; `left` to `right` and `top` to `bottom` are the plot within it. */
export interface Plot {
  width: number
  height: number
  left: number
  right: number
  top: number
  bottom: number
}

export interface Chart {
  id: string
  /** Read out in place of the picture: what it is, and what it shows. */
  title: string
  description: string
  plot: Plot
  x: Axis
  y: Axis
  content: Content
}

const widths = { narrow: 340, middle: 440, large: 640, wide: 900 } as const

/**
 * The same chart drawn for places of several widths, so that its text is as large as the page's on a phone and on a desk. The
 * page shows one of them, and screen readers meet that one only.
 *
 * @param ratio height over width, for the large one.
 */
export function everyWidth(id: string, draw: (plot: Plot, id: string) => Html, ratio = 0.58): Html {
  const at = (name: keyof typeof widths) => {
    const width = widths[name]
    const height = Math.round(widths.large * ratio * (width / widths.large) ** 0.3)
    const plot = { width, height, left: 70, right: width - 24, top: 14, bottom: height - 44 }
    return html`<div class="${name}">${draw(plot, `${id}-${name}`)}</div>`
  }
  return html`<div class="chart">${at('narrow')}${at('middle')}${at('large')}${at('wide')}</div>`
}

export function chart({ id, title, description, plot, x, y, content }: Chart): Html {
  const { width, height, left, right, top, bottom } = plot
  const across = y.ticks.map(
    ({ at, text }) => html`<line class="grid" x1="${left}" x2="${right}" y1="${px(at)}" y2="${px(at)}"/>
<text class="tick" x="${left - 8}" y="${px(at)}" dy=".32em" text-anchor="end">${text}</text>`,
  )
  const along = x.ticks.map(
    ({ at, text }) => html`<line class="notch" x1="${px(at)}" x2="${px(at)}" y1="${bottom}" y2="${bottom + 5}"/>
<text class="tick" x="${px(at)}" y="${bottom + 18}" text-anchor="middle">${text}</text>`,
  )
  const middle = (top + bottom) / 2
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
${across}${along}<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
<text class="name" x="${(left + right) / 2}" y="${height - 8}" text-anchor="middle">${x.label}</text>
<text class="name" transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${y.label}</text>
${content}
</svg>`
}

/** A tenth of a pixel is more than a screen shows. */
export const px = (value: number): string => String(Math.round(value * 10) / 10)

/** The path through points, leaving out those that lie within half a pixel of the one before. */
export function path(points: Iterable<readonly [x: number, y: number]>): string {
  const kept: [number, number][] = []
  let skipped: readonly [number, number] | undefined
  for (const [x, y] of points) {
    const last = kept.at(-1)
    if (last && Math.abs(last[0] - x) < 0.5 && Math.abs(last[1] - y) < 0.5) skipped = [x, y]
    else {
      kept.push([x, y])
      skipped = undefined
    }
  }
  if (skipped) kept.push([...skipped])
  return kept.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('')
}

/** A picture with its caption, and below it the same as a table, which is there to be opened or is open. */
export function figure(title: string, note: Content, picture: Html, data?: Html, open = false): Html {
  return html`<figure class="plate">
<figcaption><strong>${title}</strong>${note ? html` <span>${note}</span>` : ''}</figcaption>
${picture}
${data ? html`<details${open ? new Html(' open') : ''}><summary>${title}: the figures</summary>${data}</details>` : ''}
</figure>`
}
