/**
 * Text as a terminal may see it. Names of files, and what a server or a file says, may hold characters that move the cursor, change
 * colours or turn the direction of writing; they are shown as JSON would write them, so that lines of --json mean the same.
 */

/** What controls a terminal, of ASCII and of Latin-1, and what changes the direction of writing. */
const controls = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

const shown = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Line ends and tabs stay: they part our own lines and columns. */
export const printable = (text: string): string =>
  text.replace(controls, (found) => (found === '\n' || found === '\t' ? found : shown(found)))

/** A name that stands in a line or a column of its own. */
export const printableName = (name: string): string => name.replace(controls, shown)
