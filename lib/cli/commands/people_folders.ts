/** A folder a person, made of hard links where the disk allows them and of copies elsewhere. */
import { copyFile, link, mkdir, readdir, realpath, rename, writeFile } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { cannotWrite } from '../../errors.js'
import { followLinks } from '../../files/destination.js'
import { discard, settled, temporaryBeside } from '../../files/temporary.js'
import { throwIfAborted } from '../../native/check_arguments.js'
import { openSource, type SourceOptions } from '../../sources/index.js'

export interface LabelledFace {
  /** The path of the image it is in; an image may have several faces. */
  image: string
  /** Of its person; -1 for one that is in no cluster. */
  label: number
}

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
 * An image with several people is in the folder of each. The folder appears when it is complete, and must not exist or be
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
): Promise<void> {
  const target = resolve(await followLinks(folder))
  const temporary = await temporaryBeside(target)
  try {
    await mkdir(temporary)
    const names = await makeFolders(temporary, faces)
    const labels = new Map<string, Set<number>>()
    for (const { image, label } of faces) labels.set(image, (labels.get(image) ?? new Set()).add(label))
    const taken = new Set<string>()
    for await (const { path, read } of openSource(sources, reading)) {
      throwIfAborted(reading.signal)
      for (const label of labels.get(path) ?? []) {
        await place(path, read, freeName(join(names.get(label)!, basename(path)), taken))
      }
      labels.delete(path)
    }
    await rename(temporary, target)
    settled(temporary)
  } catch (cause) {
    await discard(temporary)
    throw cannotWrite(folder, wanted, cause)
  }
}

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
async function place(path: string, read: () => Promise<Uint8Array>, to: string): Promise<void> {
  const file = await realpath(path).catch(() => undefined)
  // An entry of an archive is no file of its own.
  if (file === undefined) await writeFile(to, await read())
  else await link(file, to).catch(() => copyFile(file, to))
}
