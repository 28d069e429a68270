/** The markup of the pages. */
import type { ServerInfo } from '../routes.js'

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character]!)

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head>
<body>
${body}
</body>
</html>
`

export const tryPage = ({ model, threshold, gallery }: ServerInfo, needsKey: boolean) =>
  page(
    'facenet-native',
    `<main>
<h1>Faces and their distances</h1>
<p>The model is ${escaped(model)}. Two faces count as one person below a squared distance of ${threshold ?? '(no threshold is known)'}.
${gallery === null ? '' : `The gallery has ${gallery} faces. `}<a href="/docs">Routes</a></p>
${needsKey ? '<form><label>API key <input id="key" type="password" autocomplete="off"></label></form>' : ''}
<p class="drop" id="drop"><label>Drop photographs here, or choose them: <input id="files" type="file" accept="image/*" multiple></label></p>
<p id="said" role="status"></p>
<div id="photographs"></div>
<table id="distances" hidden><caption>Squared distances</caption><thead></thead><tbody></tbody></table>
</main>
<script src="/page.js" type="module"></script>`,
  )

interface Operation {
  summary: string
  parameters?: { name: string; description: string; schema: object }[]
  requestBody?: { content: Record<string, object> }
  responses: Record<string, { description: string }>
}

export function documentPage(document: object): string {
  const { paths } = document as { paths: Record<string, Record<string, Operation>> }
  const sections = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => section(`${method.toUpperCase()} ${path}`, operation)),
  )
  return page(
    'facenet-native: routes',
    `<main><h1>Routes</h1><p>As a program reads them: <a href="/openapi.json">openapi.json</a></p>${sections.join('')}</main>`,
  )
}

function section(title: string, { summary, parameters = [], requestBody, responses }: Operation): string {
  const options = parameters.map(
    ({ name, description, schema }) =>
      `<dt><code>${escaped(name)}</code></dt><dd>${escaped(description)} <code>${escaped(JSON.stringify(schema))}</code></dd>`,
  )
  const bodies = Object.keys(requestBody?.content ?? {}).map((type) => `<code>${escaped(type)}</code>`)
  const answers = Object.entries(responses).map(
    ([status, { description }]) => `<dt>${status}</dt><dd>${escaped(description)}</dd>`,
  )
  return `<section><h2><code>${escaped(title)}</code></h2><p>${escaped(summary)}</p>
${bodies.length > 0 ? `<p>Bodies: ${bodies.join(', ')}</p>` : ''}${options.length > 0 ? `<h3>Options</h3><dl>${options.join('')}</dl>` : ''}
<h3>Answers</h3><dl>${answers.join('')}</dl></section>`
}
