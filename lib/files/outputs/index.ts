export { jsonLine, missingLine } from './jsonl.js'
export { openOutput } from './open.js'
export type { EmbeddingRow, MissingRow, Output, OutputOptions } from './output.js'
