/** The pair lists of Labeled Faces in the Wild. */
import { FaceNetError } from '../errors.js'
import { keyOfName } from '../sources/points.js'

/** A pair of images. Images are named `person/person_0001`, without an ending. */
export interface ImagePair {
  /** Name of one image. */
  a: string
  /** Name of the other one. */
  b: string
  /** Whether both show one person. */
  same: boolean
  /** 0 is the first. */
  fold: number
  /** Of the file the pair stands in; 1 is the first. */
  line: number
}

/**
 * Two formats. `pairs.txt` starts with `folds n`, `pairsDevTrain.txt` and `pairsDevTest.txt` with `n`: one fold. Then come,
 * for each fold, n lines `person i j` (two images of one person) and n lines `person i other j` (images of two people).
 *
 * @param text of the list.
 * @param file its name, for error messages.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names the line.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 *
 * const pairs = parseLfwPairs(await readFile('lfw/pairs.txt', 'utf8'), 'lfw/pairs.txt')
 * ```
 */
export function parseLfwPairs(text: string, file: string): ImagePair[] {
  const all = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const lines = all.map((line, i) => ({ line, number: i + 1 })).filter(({ line }) => line.trim() !== '')
  const first = lines[0] ?? { line: '', number: 1 }
  const [folds, each] = readHeader(first.line, file, first.number)
  if (lines.length - 1 !== folds * each * 2) {
    const expected = `${folds} folds of equal size: ${each} same and ${each} different pairs each, ${folds * each * 2} lines`
    const at = lines[Math.min(lines.length - 1, folds * each * 2 + 1)]?.number ?? 1
    throw lineError(file, at, expected, `${lines.length - 1} lines after the first`)
  }
  return lines.slice(1).map(({ line, number }, i) => {
    const same = i % (2 * each) < each
    return { ...readPair(line, same, file, number), same, fold: Math.floor(i / (2 * each)), line: number }
  })
}

function readHeader(line: string, file: string, number: number): [folds: number, each: number] {
  const fields = line.trim().split(/\s+/)
  const numbers = fields.map(positive)
  if (fields.length > 2 || numbers.includes(undefined)) {
    throw lineError(file, number, 'the number of folds and of pairs of each kind, or the latter alone', shown(line))
  }
  return (numbers.length === 1 ? [1, numbers[0]!] : numbers) as [number, number]
}

function readPair(line: string, same: boolean, file: string, number: number): { a: string; b: string } {
  const fields = fieldsOf(line, same)
  const [person, i, other, j] = same ? [fields[0], fields[1], fields[0], fields[2]] : fields
  const [first, second] = [positive(i), positive(j)]
  if (fields.length !== (same ? 3 : 4) || fields.includes('') || first === undefined || second === undefined) {
    throw lineError(
      file,
      number,
      same ? 'a person and two image numbers' : 'a person and an image number, twice',
      shown(line),
    )
  }
  if (!same && keyOfName(person!) === keyOfName(other!))
    throw lineError(file, number, 'two different people', shown(line))
  return { a: imageName(person!, first), b: imageName(other!, second) }
}

/** Names may have spaces in them: where tabs part the fields they do so alone, else numbers end the names. */
function fieldsOf(line: string, same: boolean): string[] {
  const between = line
    .trim()
    .split('\t')
    .map((field) => field.trim())
  if (between.length === (same ? 3 : 4)) return between
  const form = same ? /^(.+?)\s+(\d+)\s+(\d+)$/ : /^(.+?)\s+(\d+)\s+(.+?)\s+(\d+)$/
  return form.exec(line.trim())?.slice(1) ?? line.trim().split(/\s+/)
}

const imageName = (person: string, number: number) => keyOfName(`${person}/${person}_${lfwNumber(number)}`)

/** `0001`, as images are named; lists and folders may have it without the zeros. */
export const lfwNumber = (number: number): string => String(number).padStart(4, '0')

/** A whole number above zero; undefined for anything else. */
function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : undefined
}

const shown = (line: string) => JSON.stringify(line.length > 80 ? `${line.slice(0, 77)}...` : line)

/** An error about one line of a list. */
export function lineError(file: string, line: number, expected: string, received: string): FaceNetError {
  const argument = `${file}:${line}`
  const message = `Expected ${expected} for ${argument} but received ${received}`
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument, expected, received })
}
