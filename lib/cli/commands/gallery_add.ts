/** `facenet gallery add`: photographs and files of embeddings into a gallery. */
import { basename, dirname, resolve } from 'node:path'
import { isStored } from '../../files/outputs/stored.js'
import { type AddImagesOptions, openGallery } from '../../gallery/index.js'
import { FaceNetError, type FailedImage, type MixedOptions, type Model, openModel } from '../../index.js'
import type { SourceImage } from '../../sources/index.js'
import { type Alignment, readAlignment, withDetector } from '../common/alignment.js'
import { isMistake, listFailures, sayRefused } from '../common/failures.js'
import { imageProgress } from '../common/progress.js'
import type { RunStats } from '../common/run_stats.js'
import { storedRows } from '../common/stored.js'
import { type Context, PartialFailure } from '../context.js'
import type { GalleryOptions } from '../options/gallery.js'
import type { BatchOptions } from '../options/shared.js'
import { UsageError } from '../usage_error.js'

type Given = Context<GalleryOptions>

export async function add(context: Given, path: string, sources: readonly string[]): Promise<void> {
  const { person, folders, again, allowMixed } = context.options
  if (folders && person !== undefined) throw new UsageError('--folders is without --person')
  const files = sources.filter(isStored)
  if (files.length > 0 && files.length < sources.length) {
    throw new UsageError('gallery add takes images, or files of embeddings, one of the two')
  }
  const alignment = readAlignment(context)
  await using model = await openModel(context.options.model, context.opening())
  if (files.length > 0) {
    // How their images were prepared is what the first of them says.
    const first = await storedRows(files[0]!, model, context.options)
    const { preparation } = first
    await using gallery = await openGallery(path, {
      model,
      ...(preparation && { preparation }),
      allowMixed,
      ...storage(context),
    })
    let faces = 0
    for (const file of files) {
      const {
        data,
        paths,
        about,
        missing: _,
        ...made
      } = file === files[0] ? first : await storedRows(file, model, context.options)
      const of = (i: number) => data.subarray(i * made.dimensions, (i + 1) * made.dimensions)
      const whose = (image: string) => (folders ? folderOf(image.replace(/#\d+$/, '')) : person)
      const rows = paths.map((path, i) => {
        const { image, key, face, quality, metadata } = about?.[i] ?? {}
        const { index: _, ...found } = face ?? { index: 0 }
        const known = { image: image && resolve(image), face: face && (found as typeof face), quality, metadata }
        const id = key !== undefined && image !== undefined ? resolve(image) + key.slice(image.length) : path
        return { id, embedding: { ...made, data: of(i), rows: 1 }, person: whose(image ?? path), ...defined(known) }
      })
      faces += (await gallery.addMany(rows, { signal: context.signal })).length
    }
    return report(context, { faces, images: 0, skipped: 0, missing: 0 }, path)
  }
  await withDetector(context, alignment, (alignment) => {
    const images = context.images(sources)
    return addPhotographs(context, path, { model, alignment, images, person: folders ? folderOf : person, again })
  })
}

/** Of one that is made. */
function storage({ options }: Context) {
  const { storage } = options as Partial<Pick<GalleryOptions, 'storage'>>
  return storage === undefined ? {} : { storage }
}

/** What is added to a gallery, and how. */
interface Photographs extends Pick<AddImagesOptions, 'person' | 'again'> {
  model: Model
  alignment: Alignment
  images: AsyncIterable<SourceImage>
}

/** Adds the faces of photographs, by the absolute paths of these, and says what came of it. */
export async function addPhotographs(
  context: Context<BatchOptions>,
  path: string,
  { model, alignment, images, ...about }: Photographs,
  stats?: RunStats,
): Promise<void> {
  const { align, detector, ...how } = alignment
  const { allowMixed } = context.options as Partial<MixedOptions>
  await using gallery = await openGallery(path, {
    model,
    ...(detector && { detector }),
    align,
    allowMixed,
    ...storage(context),
  })
  const progress = imageProgress(context.quiet)
  const failures: FailedImage[] = []
  let refused = 0
  const added = await gallery
    .addImages(absolute(images), {
      ...how,
      ...context.limits(),
      ...about,
      signal: context.signal,
      batchSize: context.options.batchSize,
      onError: (failure) => failures.push(failure),
      onRefused: () => refused++,
      onProgress: (now, stages) => {
        stats?.update(stages)
        progress.update(now, stages)
      },
    })
    .finally(() => progress.stop())
  if (added.images + added.skipped + added.missing === 0) {
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
  }
  await report(context, added, path)
  sayRefused(context, refused)
  await context.printPassedOver()
  await stats?.print(context, added.images)
  listFailures(context, failures, added.images + failures.length)
  if (failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}

/** Photographs are found again from every folder. */
async function* absolute(images: AsyncIterable<SourceImage>): AsyncGenerator<SourceImage> {
  for await (const image of images) yield { ...image, path: resolve(image.path) }
}

/** Without what nobody said. */
const defined = <T extends object>(about: T) =>
  Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined)) as T

const folderOf = (image: string) => basename(dirname(image))

type Added = { faces: number; images: number; skipped: number; missing: number }

async function report(context: Context, added: Added, path: string): Promise<void> {
  if (context.json) await context.print(JSON.stringify(added))
  const there = added.skipped > 0 ? `; ${added.skipped} photographs were there already` : ''
  context.say(`${added.faces} faces added to ${path}${there}`)
}
