/** The files that MTCNN's weights are published in, see `mtcnn.ts`. */
import { basename, dirname, extname, join } from 'node:path'
import { invalidModel } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import { readHeader } from '../../files/model/safetensors.js'
import type { Tensor } from '../../files/model/tensor.js'
import { readTensors } from '../../files/model/tensor_reader.js'
import { readWhole } from '../../files/read.js'
import { type MtcnnLayout, mtcnnFrom, mtcnnStages, normalizedName, type StageTensors } from './mtcnn.js'
import { readNpyDictionary } from './npy.js'
import { openStateDict, readStateDict } from './torch.js'

const port = 'https://github.com/davidsandberg/facenet'
const sources: Record<MtcnnLayout, string> = {
  tensorflow: port,
  pytorch: 'https://github.com/timesler/facenet-pytorch',
}

const stageNames = ['pnet', 'rnet', 'onet']

/** Whether the name of a file, or the names in it, are those of MTCNN's weights. */
export async function isMtcnnFile(path: string): Promise<boolean> {
  switch (extname(path).toLowerCase()) {
    case '.npy':
      return true
    case '.pt':
    case '.pth':
      return (
        stageNames.includes(stem(path).toLowerCase()) ||
        openStateDict(await readWhole(path), path).has('pnet.conv1.weight')
      )
    case '.safetensors':
      return (await readHeader(path)).tensors.some(({ name }) => name === 'pnet.conv1.weights')
    default:
      return false
  }
}

/**
 * Reads `det1.npy` or `pnet.pt` with the other two files beside it (any one of the three may be named), a `.pt` that holds all
 * three networks, or the safetensors form of the port. Throws as `importModel` does.
 */
export async function importMtcnn(path: string): Promise<DetectorContents> {
  const layout = /\.pth?$/i.test(path) ? 'pytorch' : 'tensorflow'
  const stages = await readStages(path)
  return { ...mtcnnFrom(stages, layout), producer: 'facenet import', license: 'MIT', source: sources[layout] }
}

type Stages = Parameters<typeof mtcnnFrom>[0]

async function readStages(path: string): Promise<Stages> {
  switch (extname(path).toLowerCase()) {
    case '.npy':
      return apart(path, ['det1', 'det2', 'det3'], readNpyDictionary)
    case '.safetensors':
      return together((await readTensors(path)).values)
    default: {
      if (stageNames.includes(stem(path).toLowerCase())) return apart(path, stageNames, readStateDict)
      return together(readStateDict(await readWhole(path), path))
    }
  }
}

const stem = (path: string) => basename(path, extname(path))

/** A file a stage, in one folder. */
async function apart(
  path: string,
  names: readonly string[],
  parse: (bytes: Uint8Array, file: string) => Map<string, Tensor>,
): Promise<Stages> {
  if (!names.includes(stem(path).toLowerCase())) {
    throw invalidModel('weights', `MTCNN's, which are in files named ${names.join(', ')}`, basename(path))
  }
  const parts: StageTensors[] = []
  for (const name of names) {
    const file = join(dirname(path), name + extname(path))
    parts.push(renamed(parse(await readWhole(file), file)))
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
