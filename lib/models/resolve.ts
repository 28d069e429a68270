/** Names of models, and where each has its file. */
import { join } from 'node:path'
import { FaceNetError } from '../errors.js'
import { cacheFolder } from './cache.js'
import type { KnownModel } from './known.js'
import { knownModels } from './table.js'

/** What is opened where nothing is named. */
export const defaultModel = 'dlib'
export const defaultDetector = 'face-api'

/** The entry of that name. A path is never one: names have neither slashes nor endings. */
export function knownModel(name: string): KnownModel | undefined {
  return knownModels.find((model) => model.name === name)
}

/** The file that a model has in the cache, whether it is there or not; undefined where there can be no cache. */
export function cachedFile({ name }: Pick<KnownModel, 'name'>, folder = cacheFolder()): string | undefined {
  return folder && join(folder, 'models', `${name}.safetensors`)
}

/** Of a file in the cache that is not what was written there. */
export function damaged({ name, licence, origin }: KnownModel, file: string): FaceNetError {
  const flag = licence.commercial === false ? ' --accept-license' : ''
  const how =
    origin.kind === 'address'
      ? `fetch it again, run: npx facenet-native models pull ${name}`
      : `import it again, run: npx facenet-native models import ${name} <file>`
  return new FaceNetError(
    'ERR_FACENET_MODEL_INVALID',
    `The model ${name} in the cache is damaged: ${file}\nTo ${how}${flag}`,
    {
      argument: name,
      expected: 'a file whose fingerprint is that of its contents',
      received: file,
    },
  )
}

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
