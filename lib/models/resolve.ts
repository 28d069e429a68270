/** From a name to a model: what is in the package or in the cache. Nothing is fetched that was not asked for. */
import { join } from 'node:path'
import { FaceNetError, invalidArgument } from '../errors.js'
import type { DetectorContents } from '../files/model/detector_file.js'
import type { ModelContents } from '../files/model/model_file.js'
import { cacheFolder, isReadable } from './cache.js'
import type { KnownModel } from './known.js'
import { packagedDetector, packagedModel } from './packaged.js'
import { knownModels } from './table.js'

/** What is opened where nothing is named. */
export const defaultModel = 'dlib'
export const defaultDetector = 'face-api'

/** The entry of that name. A path is never one: names have neither slashes nor endings. */
export function knownModel(name: unknown): KnownModel | undefined {
  return knownModels.find((model) => model.name === name)
}

/** The file that a model has in the cache, whether it is there or not; undefined where there can be no cache. */
export function cachedFile({ name }: Pick<KnownModel, 'name'>, folder = cacheFolder()): string | undefined {
  return folder && join(folder, 'models', `${name}.safetensors`)
}

/** The model behind a name of the table; `source` itself where it is none. */
export async function namedModel<T>(source: T): Promise<T | string | ModelContents> {
  return named(source, 'recogniser', packagedModel)
}

/** The same of detectors. */
export async function namedDetector<T>(source: T): Promise<T | string | DetectorContents> {
  return named(source, 'detector', packagedDetector)
}

async function named<T, Contents>(
  source: T,
  kind: KnownModel['kind'],
  packaged: () => Promise<string | Contents>,
): Promise<T | string | Contents> {
  const model = knownModel(source)
  if (!model) return source
  if (model.kind !== kind) throw invalidArgument('source', asked[kind], `${model.name}, ${asked[model.kind]}`)
  if (model.origin.kind === 'package') return packaged()
  const file = cachedFile(model)
  if (file && (await isReadable(file))) return file
  throw notFetched(model)
}

const asked = { recogniser: 'a model that embeds faces', detector: 'a detector' }

/** Says the command that brings the model, and what its licence allows. */
export function notFetched(model: KnownModel): FaceNetError {
  const { name, licence, origin, obstacle, page } = model
  const terms = `Licence: ${licence.name}${licence.note ? `. ${licence.note}` : ''}`
  const flag = licence.commercial === false ? ' --accept-license' : ''
  const how =
    origin.kind === 'address' && obstacle === null
      ? `To fetch it, run: npx facenet-native models pull ${name}${flag}`
      : `${obstacle === null ? '' : `This version cannot fetch it: ${obstacle}.\n`}It is at ${page}`
  return new FaceNetError('ERR_FACENET_IO', `The model ${name} is not in the cache. ${terms}\n${how}`, {
    argument: name,
    expected: 'a model that was fetched or imported',
    received: 'none',
  })
}
