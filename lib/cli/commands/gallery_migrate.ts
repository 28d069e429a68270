/** `facenet gallery migrate`: a gallery to another model. */
import { basename, dirname } from 'node:path'
import { readStored } from '../../files/outputs/stored.js'
import { type MapOptions, migrateGallery } from '../../gallery/index.js'
import { openModel } from '../../index.js'
import { imageProgress } from '../common/progress.js'
import type { Context } from '../context.js'
import type { GalleryOptions } from '../options/gallery.js'
import { UsageError } from '../usage_error.js'

type Given = Context<GalleryOptions>

export async function migrate(context: Given, path: string): Promise<void> {
  const { options, given, signal } = context
  const { map, root, keep, batchSize } = options
  if (!map) {
    for (const name of ['common', 'maxLoss'] as const) {
      if (given.has(name)) throw new UsageError(`--${name === 'common' ? 'common' : 'max-loss'} is for --map`)
    }
  }
  await using model = await openModel(options.model, context.opening())
  const common = await readCommon(context, model.fingerprint)
  const progress = imageProgress(context.quiet)
  const result = await migrateGallery(path, {
    model,
    ...(root !== undefined && { root }),
    ...(keep !== undefined && { keep }),
    ...(map && { map: { maxLoss: options.maxLoss, ...(common && { common }) } }),
    batchSize,
    signal,
    onProgress: (now) => progress.update(now),
  }).finally(() => progress.stop())
  if (context.json) return context.print(JSON.stringify(result))
  const { faces, embedded, resumed, mapped, loss } = result
  const before = resumed > 0 ? `, ${resumed} of them by a run before` : ''
  context.say(
    `${faces} faces are of ${model.name}: ${embedded} embedded from their photographs${before}, ${mapped} mapped`,
  )
  if (!loss) return
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  const who = loss.judgedBy === 'people' ? 'people' : 'clusters of the new model'
  context.say(
    `VAL at FAR ${loss.far}: ${percent(loss.old)} by the old model, ${percent(loss.new)} by the new one, ${percent(loss.mapped)} ` +
      `of mapped faces with those of the new one (${loss.faces} faces of ${loss.people} ${who}, held out)`,
  )
}

/** The file of the new model is known by its fingerprint. */
async function readCommon({ options }: Given, fingerprint: string): Promise<MapOptions['common']> {
  const { common, folders } = options
  if (common.length === 0) {
    if (folders) throw new UsageError('--folders is for --common')
    return undefined
  }
  if (common.length !== 2) throw new UsageError('--common is given twice: a file of the old model and one of the new')
  const [a, b] = (await Promise.all(common.map((file) => readStored(file)))) as [
    Awaited<ReturnType<typeof readStored>>,
    Awaited<ReturnType<typeof readStored>>,
  ]
  const [from, to] = a.fingerprint === fingerprint ? [b, a] : [a, b]
  return { from, to, ...(folders && { people: (path: string) => basename(dirname(path)) }) }
}
