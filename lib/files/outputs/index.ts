export { jsonLine, missingLine } from './jsonl.js'
export { type EmbeddingRow, type MissingRow, type Output, type OutputOptions, openOutput } from './output.js'
