/** Tables that are read out well: a caption, headings with their scope, figures in line. */
import { type Content, Html, html } from './html.js'

export interface Column {
  title: Content
  /** Figures end at the right, words start at the left. */
  kind?: 'figure' | 'words'
}

export interface Group {
  /** A heading over these rows. */
  title?: Content
  className?: string
  /** The first cell of a row is its heading. */
  rows: readonly (readonly Content[])[]
}

/** Scrolls by itself where it is wider than the page; `shown` prints the caption, which otherwise is only read out. */
export function table(caption: string, columns: readonly Column[], groups: readonly Group[], shown = false): Html {
  const words = (at: number) =>
    (columns[at]!.kind ?? (at === 0 ? 'words' : 'figure')) === 'words' ? ' class="words"' : ''
  const open = (at: number, tag: string, scope = '') => raw(`<${tag}${words(at)}${scope}>`)
  const head = columns.map(({ title }, i) => html`${open(i, 'th', ' scope="col"')}${title}</th>`)
  const body = groups.map(({ title, className, rows }) => {
    const heading = title
      ? html`<tr class="group"><th colspan="${columns.length}" scope="rowgroup">${title}</th></tr>`
      : ''
    const lines = rows.map(
      (cells) =>
        html`<tr>${cells.map((cell, i) =>
          i === 0 ? html`${open(0, 'th', ' scope="row"')}${cell}</th>` : html`${open(i, 'td')}${cell}</td>`,
        )}</tr>\n`,
    )
    return html`<tbody${className ? raw(` class="${className}"`) : ''}>${heading}${lines}</tbody>`
  })
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption${shown ? '' : raw(' class="hidden"')}>${caption}</caption>
<thead><tr>${head}</tr></thead>
${body}</table></div>`
}

/** Markup of this file only. */
const raw = (text: string) => new Html(text)
