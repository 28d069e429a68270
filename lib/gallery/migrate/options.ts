/** What `migrateGallery` takes, and what it says. */
import { invalidArgument } from '../../errors.js'
import type { Align, TemplateName } from '../../images/index.js'
import type { Model } from '../../model/model.js'
import type { StreamProgress } from '../../model/options.js'
import {
  checkFlag,
  checkFunction,
  checkInteger,
  checkNamed,
  checkOptions,
  checkSignal,
} from '../../native/check_arguments.js'
import type { CommonFaces } from './common.js'
import type { MapLoss } from './map_loss.js'

/** How a gallery is brought to another model. */
export interface MigrateOptions {
  /** What embeds its faces from then on. */
  model: Model
  /** Where faces belong, as `model.embed` takes it; the model's own where it is left out. */
  template?: TemplateName
  /** For a gallery that does not say which part of its photographs was used: as `model.embed` takes it. */
  align?: Align
  /** The folder that photographs were moved to. They lie below it as they did below another one, and have their new paths afterwards. */
  root?: string
  /**
   * Maps the embeddings of faces whose photographs are gone, linearly, by those of faces that both models have embedded: of the gallery,
   * and those that are given. Left out, a photograph that is gone is an error.
   */
  map?: boolean | MapOptions
  /** A copy of the gallery as it was: a file that does not exist yet. */
  keep?: string
  /**
   * Faces that are computed together.
   * @default 32
   */
  batchSize?: number
  /** Ends the work with ERR_FACENET_ABORTED. What was embedded is kept, and the next call goes on from there. */
  signal?: AbortSignal
  /** Called after every batch. */
  onProgress?: (progress: StreamProgress) => void
}

/** By what faces without a photograph are mapped. */
export interface MapOptions {
  /** More faces that both models have embedded. */
  common?: CommonFaces
  /**
   * The most VAL that may be lost, 0..1; where the map costs more, or it cannot be said what it costs, nothing is changed.
   * @default 0.02
   */
  maxLoss?: number
}

/** What came of it. */
export interface MigrateResult {
  /** Faces of the gallery. */
  faces: number
  /** Those that were embedded from their photographs. */
  embedded: number
  /** Of these, by runs before. */
  resumed: number
  /** Those that were mapped. */
  mapped: number
  /** What mapping cost; null where nothing was mapped. */
  loss: MapLoss | null
}

const known = ['model', 'template', 'align', 'root', 'map', 'keep', 'batchSize', 'signal', 'onProgress'] as const
export function checkMigration(options: MigrateOptions): void {
  checkOptions(options, 'options', known)
  const { model, root, keep, map } = options
  if (typeof (model as Partial<Model> | undefined)?.embedStream !== 'function') {
    throw invalidArgument('options.model', 'a model', model)
  }
  checkNamed(options, 'root', 'a folder')
  for (const [name, value] of Object.entries({ root, keep })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw invalidArgument(`options.${name}`, 'a path', value)
    }
  }
  checkInteger(options.batchSize ?? 32, 'options.batchSize', 1)
  checkSignal(options.signal)
  checkFunction(options.onProgress, 'options.onProgress')
  if (typeof map !== 'object' || map === null) {
    checkFlag(map, 'options.map')
    return
  }
  checkOptions(map, 'options.map', ['common', 'maxLoss'])
  const { maxLoss } = map
  if (maxLoss !== undefined && !(typeof maxLoss === 'number' && maxLoss >= 0 && maxLoss <= 1)) {
    throw invalidArgument('options.map.maxLoss', 'a share of at least 0 and at most 1', maxLoss)
  }
}
