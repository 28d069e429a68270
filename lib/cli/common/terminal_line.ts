/** One line of a terminal on stderr, drawn over what was there. */
import { printable } from './printable.js'

const clear = '\r\x1b[K'

/** As much of the text as the terminal is wide. */
export function drawLine(text: string): void {
  process.stderr.write(clear + printable(text).slice(0, (process.stderr.columns ?? 80) - 1))
}

export function clearLine(): void {
  process.stderr.write(clear)
}
