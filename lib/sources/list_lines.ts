/** Paths from a stream of bytes, a line each; or, as `find -print0` writes them, with a zero byte behind each. */
import { FaceNetError } from '../errors.js'
import { headBytes, kindOf } from '../images/format.js'
import type { ListRow } from './list_row.js'

/** Longer than any path that systems take. */
const longest = 65536
const [newline, zero] = [10, 0]
const byteOrderMark = '\ufeff'

/**
 * The lines that are not empty. Zero bytes part the paths where what has come by the first end of a path has one: names may then hold
 * line breaks.
 *
 * @param name of the list, for messages.
 * @throws FaceNetError ERR_FACENET_IO where a line is too long for a path, or the bytes are those of an image.
 */
export async function* listedLines(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<ListRow> {
  let [rest, separator, line]: [Buffer, number | undefined, number] = [Buffer.alloc(0), undefined, 0]
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk])
    separator ??= separatorOf(rest, name)
    if (separator !== undefined) {
      let start = 0
      for (let end = rest.indexOf(separator); end >= 0; end = rest.indexOf(separator, start)) {
        yield* rowOf(rest.subarray(start, end), separator, `${name}:${++line}`)
        start = end + 1
      }
      rest = rest.subarray(start)
    }
    if (rest.length > longest) {
      throw wrong(name, `lines of at most ${longest} bytes, a path each`, `${rest.length} bytes without an end of line`)
    }
  }
  yield* rowOf(rest, separator ?? newline, `${name}:${line + 1}`)
}

/** Undefined as long as no path has ended. */
function separatorOf(bytes: Buffer, name: string): number | undefined {
  const image = kindOf(bytes.subarray(0, headBytes))
  if (image) throw wrong(name, 'a list of paths', `an image (${image.name}): give its path`)
  return bytes.includes(zero) ? zero : bytes.includes(newline) ? newline : undefined
}

function* rowOf(bytes: Buffer, separator: number, place: string): Generator<ListRow> {
  let path = bytes.toString('utf8')
  // What is no UTF-8 becomes U+FFFD, which in the end is other bytes.
  if (path.includes('\ufffd') && !Buffer.from(path).equals(bytes)) {
    yield { path, place, problem: 'a name in UTF-8' }
    return
  }
  if (path.startsWith(byteOrderMark)) path = path.slice(1)
  if (separator === newline) path = path.replace(/\r$/, '')
  if (path !== '') yield { path, place }
}

function wrong(argument: string, expected: string, received: string): FaceNetError {
  const message = `Expected ${expected} for ${argument} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument, expected, received })
}
