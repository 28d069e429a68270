/** A folder a person, made of links or copies of photographs, and a table that says which face of each is the person's. */
import { copyFile, link, mkdir, readdir, realpath, rename, symlink, writeFile } from 'node:fs/promises'
import { basename, extname, join, relative, resolve } from 'node:path'
import { cannotWrite } from '../../errors.js'
import { followLinks } from '../../files/destination.js'
import { discard, settled, temporaryBeside } from '../../files/temporary.js'
import { type FivePoints, pointColumns } from '../../images/geometry.js'
import { throwIfAborted } from '../../native/check_arguments.js'
import { openSource, type SourceOptions } from '../../sources/index.js'

export interface LabelledFace {
  /** The path of the image it is in; an image may have several faces. */
  image: string
  /** Of its person; -1 for one that is in no cluster. */
  label: number
  /** In pixels of the image, where faces were looked for. */
  points?: FivePoints
}

/** `hard`: links to the same file where the disk allows them, else copies. `symbolic`: links to the path. */
export const fileKinds = ['hard', 'symbolic', 'copy'] as const
export type FileKind = (typeof fileKinds)[number]

const wanted = 'a folder that is new or empty'

/**
 * Refuses, before any work is done, what `writePeople` could not write to.
 *
 * @throws FaceNetError ERR_FACENET_IO.
 */
export async function checkPeopleFolder(folder: string): Promise<void> {
  const target = resolve(await followLinks(folder))
  const probe = await temporaryBeside(target)
  try {
    const there = await readdir(target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    if (there.length > 0) throw new Error(`it is there already, and has ${there.length} entries: choose another --out`)
    await mkdir(probe)
  } catch (cause) {
    throw cannotWrite(folder, wanted, cause)
  } finally {
    await discard(probe)
  }
}

/**
 * Writes `person-0001/`, `person-0002/`, ... into `folder`, people with most faces first, and `noise/` where there is any.
 * An image with several people is in the folder of each; `points.tsv` has the points of the face that is this person's, and the label,
 * so that training by `--align points` takes no other. The folder appears when it is complete, and must not exist or be
 * empty before.
 *
 * @param sources where the images came from: those inside archives are read again.
 * @throws FaceNetError ERR_FACENET_IO.
 */
export async function writePeople(
  folder: string,
  sources: readonly string[],
  faces: readonly LabelledFace[],
  reading: SourceOptions,
  files: FileKind = 'hard',
): Promise<void> {
  const target = resolve(await followLinks(folder))
  const temporary = await temporaryBeside(target)
  try {
    await mkdir(temporary)
    const names = await makeFolders(temporary, faces)
    const people = new Map<string, Map<number, FivePoints>>()
    for (const { image, label, points = [] } of faces) {
      if (!people.has(image)) people.set(image, new Map())
      if (!people.get(image)!.has(label)) people.get(image)!.set(label, points)
    }
    const taken = new Set<string>()
    const table: string[] = []
    for await (const { path, read } of openSource(sources, reading)) {
      throwIfAborted(reading.signal)
      for (const [label, points] of people.get(path) ?? []) {
        const to = freeName(join(names.get(label)!, basename(path)), taken)
        await place(path, read, to, files)
        const name = relative(temporary, to).replaceAll('\\', '/')
        if (points.length === 10) table.push([name, ...points, path, label].map(cell).join('\t'))
      }
      people.delete(path)
    }
    if (table.length > 0) await writeFile(join(temporary, 'points.tsv'), `${[header, ...table].join('\n')}\n`)
    await rename(temporary, target)
    settled(temporary)
  } catch (cause) {
    await discard(temporary)
    throw cannotWrite(folder, wanted, cause)
  }
}

const header = ['name', ...pointColumns, 'image', 'label'].join('\t')

/** A table has no tabs and no line breaks in its cells. */
export const cell = (value: string | number | null) => (value === null ? '' : String(value).replace(/[\t\r\n]/g, ' '))

async function makeFolders(parent: string, faces: readonly LabelledFace[]): Promise<Map<number, string>> {
  const sizes = new Map<number, number>()
  for (const { label } of faces) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  const people = [...sizes].filter(([label]) => label >= 0).sort((a, b) => b[1] - a[1])
  const names = new Map(
    people.map(([label], i) => [label, join(parent, `person-${String(i + 1).padStart(4, '0')}`)] as const),
  )
  if (sizes.has(-1)) names.set(-1, join(parent, 'noise'))
  for (const name of names.values()) await mkdir(name)
  return names
}

/** The path, with `-2`, `-3`, ... before its extension where images of different folders have one name. */
export function freeName(path: string, taken: Set<string>): string {
  const ending = extname(path)
  let free = path
  for (let i = 2; taken.has(free.toLowerCase()); i++)
    free = `${path.slice(0, path.length - ending.length)}-${i}${ending}`
  taken.add(free.toLowerCase())
  return free
}

/** Of a symbolic link the file it leads to: a link with a relative target would lead nowhere from here. */
async function place(path: string, read: () => Promise<Uint8Array>, to: string, files: FileKind): Promise<void> {
  const file = await realpath(path).catch(() => undefined)
  // An entry of an archive is no file of its own.
  if (file === undefined) await writeFile(to, await read())
  else if (files === 'symbolic') await symlink(file, to)
  else if (files === 'copy') await copyFile(file, to)
  else await link(file, to).catch(() => copyFile(file, to))
}
