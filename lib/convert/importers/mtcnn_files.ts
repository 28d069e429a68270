/** The files that MTCNN's weights are published in, see `mtcnn.ts`. */
import { basename, dirname, extname, join } from 'node:path'
import { invalidModel } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import type { Tensor } from '../../files/model/tensor.js'
import { type MtcnnLayout, mtcnnFrom, mtcnnStages, normalizedName, type StageTensors } from './mtcnn.js'
import { readNpyDictionary } from './npy.js'
import { readAll } from './torch.js'
import { WeightsFile } from './weights_file.js'

const port = 'https://github.com/davidsandberg/facenet'
const sources: Record<MtcnnLayout, string> = {
  tensorflow: port,
  pytorch: 'https://github.com/timesler/facenet-pytorch',
}

const stageNames = ['pnet', 'rnet', 'onet']

/** Whether the name of a file, or the names in it, are those of MTCNN's weights. */
export async function isMtcnnFile(weights: WeightsFile): Promise<boolean> {
  switch (weights.extension) {
    case '.npy':
      return true
    case '.pt':
    case '.pth':
      return isStage(weights) || (await weights.stateDict()).has('pnet.conv1.weight')
    case '.safetensors':
      return (await weights.safetensors()).values.has('pnet.conv1.weights')
    default:
      return false
  }
}

/**
 * Reads `det1.npy` or `pnet.pt` with the other two files beside it (any one of the three may be named), a `.pt` that holds all
 * three networks, or the safetensors form of the port. Throws as `importModel` does.
 */
export async function importMtcnn(weights: WeightsFile): Promise<DetectorContents> {
  const layout = /^\.pth?$/.test(weights.extension) ? 'pytorch' : 'tensorflow'
  const stages = await readStages(weights)
  return { ...mtcnnFrom(stages, layout), producer: 'facenet import', license: 'MIT', source: sources[layout] }
}

type Stages = Parameters<typeof mtcnnFrom>[0]

async function readStages(weights: WeightsFile): Promise<Stages> {
  switch (weights.extension) {
    case '.npy':
      return apart(weights, ['det1', 'det2', 'det3'], async (file) => readNpyDictionary(await file.bytes(), file.path))
    case '.safetensors':
      return together((await weights.safetensors()).values)
    default:
      if (isStage(weights)) return apart(weights, stageNames, async (file) => readAll(await file.stateDict()))
      return together(readAll(await weights.stateDict()))
  }
}

const stem = (path: string) => basename(path, extname(path))
const isStage = ({ path }: WeightsFile) => stageNames.includes(stem(path).toLowerCase())

/** A file a stage, in one folder. */
async function apart(
  weights: WeightsFile,
  names: readonly string[],
  read: (file: WeightsFile) => Promise<Map<string, Tensor>>,
): Promise<Stages> {
  const { path } = weights
  if (!names.includes(stem(path).toLowerCase())) {
    throw invalidModel('weights', `MTCNN's, which are in files named ${names.join(', ')}`, basename(path))
  }
  const parts: StageTensors[] = []
  for (const name of names) {
    const file = join(dirname(path), name + extname(path))
    parts.push(renamed(await read(file === path ? weights : new WeightsFile(file))))
  }
  const [pnet, rnet, onet] = parts as [StageTensors, StageTensors, StageTensors]
  return { pnet, rnet, onet }
}

/** One file whose names begin with the stage's. */
function together(tensors: ReadonlyMap<string, Tensor>): Stages {
  const part = (stage: string) =>
    renamed(
      [...tensors].flatMap(([name, tensor]) =>
        name.startsWith(`${stage}.`) ? [[name.slice(5), tensor] as const] : [],
      ),
    )
  const [pnet, rnet, onet] = mtcnnStages.map((stage) => part(stage)) as [StageTensors, StageTensors, StageTensors]
  return { pnet, rnet, onet }
}

function renamed(tensors: Iterable<readonly [string, Tensor]>): StageTensors {
  return new Map([...tensors].map(([name, tensor]) => [normalizedName(name), tensor]))
}
