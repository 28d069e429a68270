/** `facenet gallery`: faces that are kept in a file. */
import { readText } from '../../files/read.js'
import { parseStrictJson } from '../../files/strict_json.js'
import { type Gallery, type GalleryEdit, type GalleryFace, openGallery } from '../../gallery/index.js'
import { printableName } from '../common/printable.js'
import { table } from '../common/table.js'
import { Context, PartialFailure } from '../context.js'
import { type GalleryAction, type GalleryOptions, galleryActions } from '../options/gallery.js'
import { UsageError } from '../usage_error.js'
import { add } from './gallery_add.js'
import { cluster } from './gallery_cluster.js'
import { migrate } from './gallery_migrate.js'
import { report } from './gallery_report.js'
import { run as search } from './search.js'

type Given = Context<GalleryOptions>

/** How many operands each takes after the gallery, and which. */
const operands: Record<GalleryAction, readonly [least: number, most: number, what: string]> = {
  add: [1, Infinity, 'a gallery, and images or files of embeddings'],
  remove: [0, Infinity, 'a gallery, and ids, --person or --image'],
  search: [1, Infinity, 'a gallery and images'],
  list: [0, 0, 'a gallery'],
  stats: [0, 0, 'a gallery'],
  export: [0, 0, 'a gallery'],
  verify: [0, 0, 'a gallery'],
  cluster: [0, Infinity, 'a gallery, and perhaps images or files of embeddings'],
  name: [2, 2, 'a gallery, a person as person-12 or by name, and the name'],
  apply: [1, 1, 'a gallery and a .json file of edits'],
  migrate: [0, 0, 'a gallery'],
  report: [0, 0, 'a gallery'],
}

export async function run(context: Given): Promise<void> {
  const [given, path, ...rest] = context.operands as readonly [string, ...string[]]
  const action = galleryActions.find((each) => each === given)
  if (!action) throw new UsageError(`gallery does one of ${galleryActions.join(', ')}, not ${given}`)
  const [least, most, what] = operands[action]
  if (path === undefined || rest.length < least || rest.length > most) {
    throw new UsageError(`gallery ${action} takes ${what}`)
  }
  if (action === 'search') {
    return search(new Context([path, ...rest], context.options, context.given, context.signal))
  }
  if (action === 'add') return add(context, path, rest)
  if (action === 'remove') return remove(context, path, rest)
  if (action === 'cluster') return cluster(context, path, rest)
  if (action === 'migrate') return migrate(context, path)
  if (action === 'name') return edit(path, [{ edit: 'name', person: rest[0]!, name: rest[1]! }])
  if (action === 'apply') return edit(path, parseStrictJson(await readText(rest[0]!), rest[0]!) as GalleryEdit[])
  await using gallery = await openGallery(path, { readOnly: true })
  if (action === 'list') await list(context, gallery)
  else if (action === 'stats') await stats(context, gallery)
  else if (action === 'export') await write(context, gallery)
  else if (action === 'report') await report(context, gallery)
  else await verify(context, gallery)
}

async function remove(context: Given, path: string, ids: readonly string[]): Promise<void> {
  const { person, image } = context.options
  const chosen = person !== undefined || image !== undefined
  if (chosen === ids.length > 0)
    throw new UsageError('gallery remove takes ids, or --person and --image, one of the two')
  await using gallery = await openGallery(path)
  const removed = await gallery.remove(chosen ? { person, image } : ids)
  if (context.json) await context.print(JSON.stringify({ removed }))
  else context.say(`${removed} faces removed`)
}

async function edit(path: string, edits: GalleryEdit[]): Promise<void> {
  await using gallery = await openGallery(path)
  await gallery.apply(edits)
}

async function list(context: Given, gallery: Gallery): Promise<void> {
  const { people, person, image } = context.options
  if (people) {
    if (person !== undefined || image !== undefined) throw new UsageError('--people is without --person and --image')
    for (const each of await gallery.people({ hidden: context.options.hidden })) {
      await context.print(context.json ? JSON.stringify(each) : `${each.faces}\t${printableName(each.person)}`)
    }
    return
  }
  for await (const face of gallery.faces({ person, image })) {
    await context.print(context.json ? JSON.stringify(face) : faceLine(face))
  }
}

const faceLine = ({ id, person }: GalleryFace) => `${printableName(id)}\t${printableName(person ?? '')}`

async function stats(context: Given, gallery: Gallery): Promise<void> {
  const counts = await gallery.counts()
  const { fingerprint, dimensions, threshold, preparation, storage } = gallery
  if (context.json) {
    await context.print(JSON.stringify({ ...counts, dimensions, fingerprint, threshold, preparation, storage }))
    return
  }
  const rows = Object.entries({
    faces: counts.faces,
    'of people': counts.assigned,
    people: counts.people,
    photographs: counts.images,
    'photographs without a face': counts.missing,
    dimensions,
    fingerprint: fingerprint.slice(0, 12),
    threshold: threshold ?? 'none',
    alignment: preparation?.align ?? 'not known',
    storage,
  })
  await context.print(
    table(
      rows.map(([name, value]) => [name, String(value)]),
      2,
    ),
  )
}

async function write(context: Given, gallery: Gallery): Promise<void> {
  const { out } = context.options
  if (out === undefined || out.toLowerCase().endsWith('.html')) {
    throw new UsageError('--out is missing: a .npy, .parquet or .jsonl file')
  }
  const rows = await gallery.export(out, { signal: context.signal })
  if (context.json) await context.print(JSON.stringify({ out, rows }))
  else context.say(`${rows} faces written to ${out}`)
}

async function verify(context: Given, gallery: Gallery): Promise<void> {
  const { faces, problems } = await gallery.verify()
  if (context.json) await context.print(JSON.stringify({ faces, problems }))
  else if (problems.length === 0) await context.print(`${faces} faces, and all is well`)
  else for (const problem of problems) context.complain(problem)
  if (problems.length > 0) throw new PartialFailure()
}
