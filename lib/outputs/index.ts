export { jsonLine } from './jsonl.js'
export { type EmbeddingRow, type Output, type OutputOptions, openOutput } from './output.js'
