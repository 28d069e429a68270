/** The page of a report: one file that asks nothing of any network. */
import { createHash } from 'node:crypto'
import { type Content, Html, html } from './html.js'
import { script as pageScript } from './page_script.js'
import { pageStyle } from './page_style.js'
import { peopleScript } from './people_script.js'

const script = pageScript + peopleScript

export interface Section {
  id: string
  title: string
  body: Content
}

export interface Headline {
  label: string
  value: string
  note?: Content
}

export interface Page {
  /** Over the title: which command made it. */
  kicker: string
  title: string
  lead: Content
  headlines: readonly Headline[]
  /** How it was measured: terms and what they are. */
  facts: readonly (readonly [string, Content])[]
  sections: readonly Section[]
  /** Rules that hold the pictures. */
  faceStyle: string
}

/** Nothing is loaded and nothing runs but the one script whose hash is given, whatever a file name might hold. */
const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`

export function page({ kicker, title, lead, headlines, facts, sections, faceStyle }: Page): string {
  const body = html`<a class="skip" href="#main">Skip to the figures</a>
${hatches}
<header class="masthead">
<div><p class="kicker">${kicker}</p>
<h1>${title}</h1>
<p class="lead">${lead}</p></div>
<fieldset class="theme"><legend class="hidden">Colours</legend>${themes.map(
    ([value, label]) =>
      html`<label><input type="radio" name="theme" value="${value}"${value === 'auto' ? new Html(' checked') : ''}><span>${label}</span></label>`,
  )}</fieldset>
<dl class="headlines">${headlines.map(headline)}</dl>
</header>
<div class="columns">
<nav aria-label="Contents"><ol>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}<li><a href="#how">How it was measured</a></li></ol></nav>
<main id="main" tabindex="-1">
${sections.map(section)}
${section({ id: 'how', title: 'How it was measured', body: html`<dl class="facts">${facts.map(([term, what]) => html`<div><dt>${term}</dt><dd>${what}</dd></div>`)}</dl>` })}
</main>
</div>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html`${title}`}</title>
<style>${pageStyle}
${faceStyle}</style>
</head>
<body>
${body}
<script>${script}</script>
</body>
</html>
`
}

/** Patterns that charts fill shapes with; in one place, since those of a chart that is not shown would not be drawn. */
const hatches = html`<svg class="hidden" aria-hidden="true"><defs>${['same', 'different'].map(
  (kind) =>
    html`<pattern id="hatch-${kind}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2" height="5"/></pattern>`,
)}</defs></svg>`

const themes = [
  ['auto', 'Auto'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const

const headline = ({ label, value, note }: Headline) =>
  html`<div><dt>${label}</dt><dd><span class="value">${value}</span>${note ? html` <span class="note">${note}</span>` : ''}</dd></div>`

const section = ({ id, title, body }: Section) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`
