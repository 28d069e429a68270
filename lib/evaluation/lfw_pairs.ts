/** The pair lists of Labeled Faces in the Wild. */
import { FaceNetError } from '../errors.js'

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
  const lines = text.replace(/\s+$/, '').split(/\r?\n/)
  const [folds, each] = readHeader(lines[0]!, file)
  if (lines.length - 1 !== folds * each * 2) {
    const expected = `${folds} folds of equal size: ${each} same and ${each} different pairs each, ${folds * each * 2} lines`
    const at = Math.min(lines.length, folds * each * 2 + 2)
    throw lineError(file, at, expected, `${lines.length - 1} lines after the first`)
  }
  return lines.slice(1).map((line, i) => {
    const same = i % (2 * each) < each
    return { ...readPair(line, same, file, i + 2), same, fold: Math.floor(i / (2 * each)), line: i + 2 }
  })
}

function readHeader(line: string, file: string): [folds: number, each: number] {
  const fields = line.trim().split(/\s+/)
  const numbers = fields.map(positive)
  if (fields.length > 2 || numbers.includes(undefined)) {
    throw lineError(file, 1, 'the number of folds and of pairs of each kind, or the latter alone', shown(line))
  }
  return (numbers.length === 1 ? [1, numbers[0]!] : numbers) as [number, number]
}

function readPair(line: string, same: boolean, file: string, number: number): { a: string; b: string } {
  const fields = line.trim().split(/\s+/)
  const [person, i, other, j] = same ? [fields[0], fields[1], fields[0], fields[2]] : fields
  const [first, second] = [positive(i), positive(j)]
  if (fields.length !== (same ? 3 : 4) || first === undefined || second === undefined) {
    throw lineError(
      file,
      number,
      same ? 'a person and two image numbers' : 'a person and an image number, twice',
      shown(line),
    )
  }
  if (!same && person === other) throw lineError(file, number, 'two different people', shown(line))
  return { a: imageName(person!, first), b: imageName(other!, second) }
}

const imageName = (person: string, number: number) => `${person}/${person}_${String(number).padStart(4, '0')}`

/** A whole number above zero; undefined for anything else. */
function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

const shown = (line: string) => JSON.stringify(line.length > 80 ? `${line.slice(0, 77)}...` : line)

/** An error about one line of a list. */
export function lineError(file: string, line: number, expected: string, received: string): FaceNetError {
  const argument = `${file}:${line}`
  const message = `Expected ${expected} for ${argument} but received ${received}`
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument, expected, received })
}
