/** A gallery of one model made one of another: people, ids and metadata stay. */
import { setImmediate } from 'node:timers/promises'
import { decodeVersion, type Preparation } from '../../embeddings/preparation.js'
import { FaceNetError, invalidArgument } from '../../errors.js'
import { Lock } from '../../files/lock.js'
import type { Align, TemplateName } from '../../images/index.js'
import { faceTarget } from '../../model/options.js'
import { throwIfAborted } from '../../native/check_arguments.js'
import { readRow } from '../blocks.js'
import type { GalleryFace } from '../faces.js'
import { checkGalleryModel, type Facts, type GalleryModel, readFacts } from '../facts.js'
import { checkPath } from '../open.js'
import { noModel, Store } from '../store.js'
import { fitWithin, gatherCommon } from './common.js'
import { imagesOfFaces, type KeptFace, type Locate, locator, placesOf } from './kept_images.js'
import { applyMap } from './linear_map.js'
import type { MapLoss } from './map_loss.js'
import { checkMigration, type MigrateOptions, type MigrateResult } from './options.js'
import { beginStaging, facesToCome, stage, takeStaged } from './staged.js'

/** Embeddings, and milliseconds, until what was embedded is on the disk. */
const [rowsTogether, writtenEvery] = [64, 1000]
const defaultMaxLoss = 0.02

/**
 * Brings a gallery to another model: every face is embedded again, from its photograph and the place that is known there. Ids, people,
 * metadata and what was edited stay. Until there is an embedding of every face the gallery is as it was, and may be searched and
 * written to; then all are exchanged in one transaction. A run that was ended, or killed, is gone on with by the next call.
 *
 * @param path of the gallery.
 * @param options the model, where photographs are, and what is done with faces whose photographs are gone.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where the gallery is of this model already, photographs are gone or unusable and
 *   `map` is not given, faces that both models have embedded are fewer than dimensions, or a map costs more than `maxLoss`;
 *   ERR_FACENET_IO, also where another process is migrating it; ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const { embedded, mapped } = await migrateGallery('people.db', { model, root: '/mnt/photos', map: { maxLoss: 0.01 } })
 * ```
 */
export async function migrateGallery(path: string | URL, options: MigrateOptions): Promise<MigrateResult> {
  checkMigration(options)
  const store = await Store.open(checkPath(path), { readOnly: false, create: false, busyTimeout: 5000 })
  let lock: Lock | undefined
  try {
    lock = await Lock.take(`${store.path}.migrating.lock`)
    const facts = store.read((db) => readFacts(store.path, db))
    if (!facts) throw noModel(store.path)
    return await new Migration(store, facts, options).run()
  } finally {
    await lock?.release()
    await store.close()
  }
}

class Migration {
  readonly #target: GalleryModel
  readonly #align: Align | undefined
  readonly #template: TemplateName | undefined
  /** Why a face has no embedding, by its id. */
  readonly #why = new Map<string, string>()
  #locate: Locate = (image) => image
  /** Of photographs that are there, by their paths. */
  #places: ReadonlyMap<string, string> = new Map()

  constructor(
    private readonly store: Store,
    private readonly facts: Facts,
    private readonly options: MigrateOptions,
  ) {
    const { model, template } = options
    const { fingerprint, dimensions, threshold } = model
    if (fingerprint === facts.fingerprint) {
      throw invalidArgument('options.model', `another model than that of ${store.path}`, `the same, ${fingerprint}`)
    }
    this.#align = options.align ?? facts.preparation?.align
    const cutOut = this.#align === undefined || this.#align === 'detect' || this.#align === 'points'
    this.#template = cutOut ? faceTarget(model, 'points', template).template : undefined
    const preparation = this.#preparation()
    this.#target = checkGalleryModel(
      { fingerprint, dimensions, threshold, ...(preparation && { preparation }) },
      'options.model',
    )
  }

  async run(): Promise<MigrateResult> {
    const { store, options } = this
    const resumed = await beginStaging(store, this.#target)
    let mapped = 0
    let loss: MapLoss | null = null
    for (let kept = false; ; ) {
      const left = await this.#embed()
      if (left.length > 0) {
        const found = await this.#map(left)
        mapped += left.length
        loss = found
      }
      if (options.keep !== undefined && !kept) {
        await store.copyTo(options.keep)
        kept = true
      }
      const renamed = options.root === undefined ? undefined : this.#locate
      if (await takeStaged(store, this.#target, renamed, options.signal)) break
      // A face has come meanwhile.
    }
    store.compact()
    const faces = store.read((db) => Number(db.sql('SELECT count(*) AS count FROM faces').get()!.count))
    return { faces, embedded: faces - mapped, resumed, mapped, loss }
  }

  /** From their photographs. The faces that are left have none that can be used. */
  async #embed(): Promise<GalleryFace[]> {
    const { store, options } = this
    const faces = facesToCome(store)
    const images = [...new Set(faces.flatMap(({ image }) => image ?? []))]
    this.#locate = await locator(images, options.root)
    const there: { placed: KeptFace[]; whole: KeptFace[] } = { placed: [], whole: [] }
    this.#places = await placesOf(images.map(this.#locate))
    for (const { id, face, image } of faces) {
      if (image === null) {
        this.#why.set(id, 'the gallery knows no photograph of it')
        continue
      }
      const path = this.#locate(image)
      const way = this.#wayOf(face)
      if (!this.#places.has(path)) this.#why.set(id, `${path} is not there`)
      else if (way === undefined) this.#why.set(id, 'the gallery does not say where in its photograph it is')
      else there[way].push({ id, face, image })
    }
    // Before hours of work that could not be used.
    if (this.#why.size > 0 && !options.map) throw this.#gone(faces.length)
    await this.#stream(there.placed, true)
    await this.#stream(there.whole, false)
    const left = facesToCome(store).filter(({ id }) => {
      if (!this.#why.has(id) && faces.some((face) => face.id === id))
        this.#why.set(id, 'its photograph has no such face')
      return this.#why.has(id)
    })
    if (left.length > 0 && !options.map) throw this.#gone(faces.length)
    return left
  }

  #wayOf(face: GalleryFace['face']): 'placed' | 'whole' | undefined {
    if (this.#align !== undefined && this.#align !== 'detect') return 'whole'
    return face ? 'placed' : undefined
  }

  async #stream(faces: readonly KeptFace[], placed: boolean): Promise<void> {
    if (faces.length === 0) return
    const { store, options } = this
    const { model, signal, batchSize, onProgress } = options
    const template = this.#template
    const target = placed ? faceTarget(model, 'points', template) : undefined
    const align = placed ? 'points' : this.#align!
    let [waiting, written] = [new Map<string, Float32Array>(), performance.now()]
    const flush = async () => {
      await stage(store, waiting)
      waiting = new Map()
      written = performance.now()
    }
    const images = imagesOfFaces(faces, this.#locate, this.#places, target, { signal })
    const how = { align, ...(align === 'points' && template && { template }), batchSize, signal, onProgress }
    const centerFraction = this.facts.preparation?.centerFraction
    const rows = model.embedStream(images, {
      ...how,
      ...(align === 'center' && centerFraction !== undefined && { centerFraction }),
      onError: ({ path, error }) => this.#why.set(path, error.message),
    })
    for await (const { path, embedding } of rows) {
      waiting.set(path, embedding)
      if (waiting.size >= rowsTogether || performance.now() - written > writtenEvery) await flush()
    }
    await flush()
  }

  /** The faces that are left, by a map that does not cost too much. */
  async #map(left: readonly GalleryFace[]): Promise<MapLoss> {
    const { map, signal } = this.options
    const { maxLoss = defaultMaxLoss, common } = typeof map === 'object' ? map : {}
    const gathered = gatherCommon(this.store, this.facts, this.#target, common)
    const { map: fitted, loss } = await fitWithin(gathered, maxLoss, this.#target.threshold ?? null, signal)
    let rows = new Map<string, Float32Array>()
    for (const { id } of left) {
      const row = this.#oldRow(id)
      if (row) rows.set(id, applyMap(fitted, row))
      if (rows.size < 4096) continue
      await stage(this.store, rows)
      rows = new Map()
      await setImmediate()
    }
    await stage(this.store, rows)
    throwIfAborted(signal)
    return loss
  }

  #oldRow(id: string): Float32Array | undefined {
    return this.store.read((db) => {
      const face = db.sql('SELECT number FROM faces WHERE id = ?').get(id)
      return face && readRow(db, Number(face.number), this.facts.dimensions)
    })
  }

  /** What is known of the old one stays: faces are cut out where they were found. */
  #preparation(): Preparation | undefined {
    const { facts, options } = this
    const old = facts.preparation
    if (this.#align === undefined) return undefined
    if (this.#align === 'detect') {
      return old && { ...old, template: this.#template, flip: false, decode: decodeVersion }
    }
    const { centerFraction } = old ?? {}
    return options.model.preparationOf({
      align: this.#align,
      ...(this.#template && { template: this.#template }),
      ...(this.#align === 'center' && centerFraction !== undefined && { centerFraction }),
    })
  }

  #gone(faces: number): FaceNetError {
    const why = [...this.#why]
    const lines = why.slice(0, 10).map(([id, reason]) => `  ${id}: ${reason}`)
    if (why.length > lines.length) lines.push(`  and ${why.length - lines.length} more`)
    const [expected, received] = ['a photograph of every face', `${why.length} of ${faces} without`]
    const message =
      `Expected ${expected} of ${this.store.path} but received ${received}:\n${lines.join('\n')}\n` +
      'Name the folder they were moved to (root, --root), map what is gone (map, --map), or remove these faces. The gallery is as it was'
    return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: 'path', expected, received })
  }
}
