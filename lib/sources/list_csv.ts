/** Rows of a table of comma-separated values with a header line (RFC 4180), also with semicolons or tabs. */
import { createReadStream } from 'node:fs'
import { FaceNetError, invalidArgument } from '../errors.js'
import { readHead } from '../files/read_bounded.js'
import { pathColumn } from './list_columns.js'
import type { ListRow } from './list_row.js'

/** Bytes of a row; a quote that is never closed would otherwise take the whole file. */
const longestRow = 2 ** 20

/** Rows that have another number of cells than the header are rows that cannot be used. */
export async function* csvRows(list: string, column: string | undefined): AsyncGenerator<ListRow> {
  let names: string[] | undefined
  let place = -1
  for await (const row of records(list, await delimiterOf(list))) {
    if ('error' in row) yield { path: undefined, place: `${list}:${row.error.lines}`, problem: row.error.message }
    else if (!names) {
      names = row.record
      place = pathColumn(list, names, column)
    } else {
      const { record, info } = row
      const others = names.flatMap((name, i) => (i === place ? [] : [[name, record[i]!] as const]))
      const metadata = others.length > 0 ? Object.fromEntries(others) : undefined
      yield { path: record[place] || undefined, place: `${list}:${info.lines}`, ...(metadata && { metadata }) }
    }
  }
  if (!names) throw invalidArgument(list, 'a table whose first line names its columns', 'an empty file')
}

type RowError = Error & { code?: string; lines?: number }
type Row = { record: string[]; info: { lines: number } } | { error: RowError }

/** Chunk by chunk: what stands before an error is given before it. */
async function* records(list: string, delimiter: string): AsyncGenerator<Row> {
  const { parse } = await import('csv-parse')
  let rows: Row[] = []
  let fatal: RowError | undefined
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: longestRow,
    on_skip: (error) => void rows.push({ error: error! }),
  })
  parser.on('data', (row: Row) => rows.push(row))
  parser.on('error', (error) => {
    fatal = error
  })
  const ended = new Promise<void>((resolve) => parser.once('close', resolve))
  const taken = () => {
    const before = rows
    rows = []
    return before
  }
  for await (const chunk of createReadStream(list)) {
    await new Promise<void>((resolve) => void parser.write(chunk, () => resolve()))
    yield* taken()
    if (fatal) throw malformed(list, fatal)
  }
  parser.end()
  await ended
  yield* taken()
  if (fatal) throw malformed(list, fatal)
}

/** What the first line has most of. */
async function delimiterOf(list: string): Promise<string> {
  const head = Buffer.from(await readHead(list, longestRow)).toString('utf8')
  const line = head.slice(0, head.search(/\r|\n|$/))
  const count = (delimiter: string) => line.split(delimiter).length
  return [',', ';', '\t'].reduce((best, each) => (count(each) > count(best) ? each : best))
}

function malformed(list: string, cause: RowError): FaceNetError {
  const { message, lines } = cause
  const argument = `${list}:${lines ?? '?'}`
  const [expected, received] = ['comma-separated values', message]
  const details = { argument, expected, received, cause }
  return new FaceNetError('ERR_FACENET_IO', `Expected ${expected} for ${argument} but received: ${received}`, details)
}
