/** Which column of a table has the paths of images. */
import { invalidArgument } from '../errors.js'

/** Names that say so, in any case, and in this order where a table has several of them. */
const pathNames = [
  ...['path', 'file', 'filename', 'file_name', 'filepath', 'file_path'],
  ...['image', 'image_path', 'imagepath', 'img', 'img_path'],
]

/**
 * The place of the column that `column` names, else of the one whose name says that it has paths.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where there is none, or where two columns have one name.
 */
export function pathColumn(list: string, names: readonly string[], column: string | undefined): number {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw invalidArgument(list, 'columns of different names', `${JSON.stringify(twice)} twice`)
  const found = column === undefined ? known(names) : names.indexOf(column)
  if (found >= 0) return found
  const wanted = column === undefined ? `one of ${pathNames.join(', ')}` : JSON.stringify(column)
  const there = names.map((name) => JSON.stringify(name)).join(', ') || 'none'
  const advice = column === undefined ? '; pathColumn (--path-column) names another' : ''
  throw invalidArgument(list, `a column of paths, ${wanted}`, `the columns ${there}${advice}`)
}

function known(names: readonly string[]): number {
  const lower = names.map((name) => name.trim().toLowerCase())
  for (const name of pathNames) if (lower.includes(name)) return lower.indexOf(name)
  return -1
}
