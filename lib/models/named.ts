/** From a name to a model: what is in the package or in the cache. Nothing is fetched that was not asked for. */
import { invalidArgument } from '../errors.js'
import type { DetectorContents } from '../files/model/detector_file.js'
import type { ModelContents } from '../files/model/model_file.js'
import { isReadable } from './cache.js'
import type { KnownModel } from './known.js'
import { packagedDetector, packagedModel } from './packaged.js'
import { cachedFile, damaged, knownModel, notFetched } from './resolve.js'
import { isWhole } from './whole.js'

/** What may be done where a named model is not in the cache. */
export interface NamedOptions {
  /**
   * Fetches a well-known model that is not in the cache. Without it that is an error, which names the command.
   * @default false
   */
  pull?: boolean
  /**
   * With `pull`: that the model's licence was read and holds; asked of models that may not be used commercially.
   * @default false
   */
  acceptLicense?: boolean
}

/** The model behind a name of the table; `source` itself, a path, where it is none. */
export async function namedModel(source: string, options: Waiting = {}): Promise<string | ModelContents> {
  return named(source, 'recogniser', packagedModel, options)
}

/** The same of detectors. */
export async function namedDetector(source: string, options: Waiting = {}): Promise<string | DetectorContents> {
  return named(source, 'detector', packagedDetector, options)
}

type Waiting = NamedOptions & { signal?: AbortSignal }

async function named<Contents>(
  source: string,
  kind: KnownModel['kind'],
  packaged: () => Promise<string | Contents>,
  { pull = false, acceptLicense, signal }: Waiting,
): Promise<string | Contents> {
  const model = knownModel(source)
  if (!model) return source
  if (model.kind !== kind) throw invalidArgument('source', asked[kind], `${model.name}, ${asked[model.kind]}`)
  if (model.origin.kind === 'package') return packaged()
  const file = cachedFile(model)
  const there = file !== undefined && (await isReadable(file))
  if (there && (await isWhole(model, file))) return file
  if (!pull) throw there ? damaged(model, file) : notFetched(model)
  const { pullModel } = await import('./pull.js')
  return pullModel(model, { acceptLicense, signal })
}

const asked = { recogniser: 'a model that embeds faces', detector: 'a detector' }
