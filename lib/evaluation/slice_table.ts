/** A column of a user's table, by image. */
import { invalidArgument } from '../errors.js'
import { lineError } from './lfw_pairs.js'

/**
 * Tab-separated values with a heading line. Images are found by the column `name`: the end of their path, as `person/image.jpg`.
 * Returns the value of `column` for each of `paths`, undefined where the table does not have it.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where a column is missing or a line has too many cells.
 */
export function sliceColumn(
  text: string,
  file: string,
  column: string,
  paths: readonly string[],
): (string | undefined)[] {
  const lines = text.replace(/[\r\n]+$/, '').split(/\r?\n/)
  const header = lines[0]!.split('\t')
  const [name, at] = [header.indexOf('name'), header.indexOf(column)]
  if (name < 0 || at < 0) throw invalidArgument(file, `columns name and ${column}`, header.join(', '))
  const values = new Map<string, string>()
  for (const [i, line] of lines.slice(1).entries()) {
    const cells = line.split('\t')
    if (cells.length > header.length) throw lineError(file, i + 2, `${header.length} cells`, `${cells.length}`)
    const value = cells[at]?.trim()
    if (value) values.set(cells[name]!, value)
  }
  const found = paths.map((path) => values.get(path.split(/[/\\]/).slice(-2).join('/')))
  if (found.every((value) => value === undefined)) {
    throw invalidArgument(file, 'values for some of the images', `none for ${paths.length} images, such as ${paths[0]}`)
  }
  return found
}
