/** A tiny LFW, and the command line that evaluates on it. */
import { join } from 'node:path'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { facenet as run, writeSmallModel } from '../cli/support.js'

/** The pictures show no faces, so they are taken whole. */
export const facenet = (...args: string[]) => run(...args, ...(args.includes('--align') ? [] : ['--align', 'none']))

const input = { inputSize: { height: 140, width: 116 } }
export const people = ['Ann', 'Bob', 'Cy', 'Dee']

/** `lfw/` with two images of each of four people, its lists, and `m.safetensors`. */
export async function withLfw(use: (folder: string, model: string) => Promise<void>) {
  const pngs = await asPngs(input, pixels(input, 8))
  const images = pngs.map((png, i) => {
    const person = people[Math.floor(i / 2)]!
    return [`lfw/${person}/${person}_000${(i % 2) + 1}.png`, png]
  })
  const lists = {
    'lfw/pairs.txt': '2 1\nAnn 1 2\nAnn 1 Bob 1\nCy 1 2\nCy 2 Dee 1\n',
    'lfw/pairsDevTrain.txt': '1\nAnn 1 2\nAnn 1 Bob 1\n',
    'lfw/pairsDevTest.txt': '2\nCy 1 2\nDee 1 2\nAnn 1 Bob 1\nCy 2 Dee 1\n',
    'missing.txt': '3 1\nAnn 1 2\nAnn 1 Bob 1\nCy 1 2\nCy 2 Dee 9\nBob 1 2\nBob 2 Ann 1\n',
    'broken.txt': '2 1\nAnn 1 2\nAnn 1 Bob 1\nCy one 2\nCy 2 Dee 1\n',
    'splits.txt': '1, 1, Ann/0, Ann/1, 1\n1, 2, Ann/0, Bob/0, 0\n2, 1, Cy/0, Cy/1, 1\n2, 2, Cy/0, Dee/0, 0\n',
    'lfw.tsv': [
      'name\tvideo\tframe\tlight',
      ...images.map(([name], i) => `${`${name}`.slice(4)}\t${i % 2}\t0\tday`),
    ].join('\n'),
  }
  await withFolder({ ...Object.fromEntries(images), ...lists }, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model)
    await use(folder, model)
  })
}
