/** HTML as values: whatever is put into a template is escaped, unless it is HTML itself. */

export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text
  }
}

export type Content = Html | string | number | null | undefined | false | readonly Content[]

/** Escapes what is interpolated, in text and within quoted attributes alike; null, undefined and false leave nothing. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(strings.reduce((text, part, i) => text + render(values[i - 1]) + part))
}

function render(value: Content): string {
  if (value instanceof Html) return value.text
  if (value === null || value === undefined || value === false) return ''
  return typeof value === 'object' ? value.map(render).join('') : escapeHtml(String(value))
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

// Control characters are not allowed in HTML, and those that turn the direction of writing would reach beyond the text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

export function escapeHtml(text: string): string {
  return text.replace(unprintable, '\ufffd').replace(/[&<>"']/g, (character) => entities[character]!)
}

/** Text that comes from file names and labels: whichever way it is written, what stands around it stays in its place. */
export function named(text: string): Html {
  return html`<bdi>${text}</bdi>`
}
