/** What was stored meets what is embedded only where both were prepared alike: `search`, `verify`, `cluster`, `evaluate pairs`. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dispatch } from '../../lib/cli/dispatch.js'
import { evaluateOptions } from '../../lib/cli/options/evaluate.js'
import { clusterOptions, embedOptions, searchOptions, verifyOptions } from '../../lib/cli/options/images.js'
import { rejection, withFolder } from '../api/support.js'
import { writeSmallModel } from './support.js'

/** A command in this process, without what it prints. */
async function facenet(...words: string[]): Promise<void> {
  const { write } = process.stdout
  process.stdout.write = () => true
  try {
    await dispatch([...words, '--quiet'], new AbortController().signal)
  } finally {
    process.stdout.write = write
  }
}

const picture = (seed: number) =>
  sharp({
    create: {
      width: 116,
      height: 140,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 99 + seed, sigma: 30 },
    },
  })
    .png()
    .toBuffer()

/** Pictures of three people, who show no faces: they are taken whole, or their middle is. */
async function withPictures(use: (folder: string, model: string) => Promise<void>) {
  const files: Record<string, Buffer> = {}
  for (const [i, name] of ['a/1', 'a/2', 'b/1', 'b/2', 'c/1', 'c/2'].entries())
    files[`people/${name}.png`] = await picture(i)
  await withFolder(files, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, 0.5)
    await use(folder, model)
  })
}

test('a stored gallery is searched by images that are prepared as its own were', () =>
  withPictures(async (folder, model) => {
    const image = join(folder, 'people/a/1.png')
    for (const format of ['npy', 'jsonl']) {
      const stored = join(folder, `g.${format}`)
      await facenet('embed', join(folder, 'people'), '--align', 'none', '-m', model, '-o', stored)
      await facenet('search', stored, image, '--align', 'none', '-m', model)
      const { code, message } = await rejection(facenet('search', stored, image, '--align', 'center', '-m', model))
      assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
      assert.match(
        message,
        /g\.\w+ with align none, no centerFraction, and the images with align center, centerFraction 0\.5/,
      )
      await facenet('search', stored, image, '--align', 'center', '-m', model, '--allow-mixed')
    }
  }))

test('a threshold file is for images that are prepared as its own were', () =>
  withPictures(async (folder, model) => {
    const [people, threshold] = [join(folder, 'people'), join(folder, 't.json')]
    const [one, other] = [join(people, 'a/1.png'), join(people, 'b/1.png')]
    const pairs = ['evaluate', 'pairs', '--far', '0.2']
    await facenet(...pairs, people, '--align', 'none', '-m', model, '--out', threshold)
    assert.equal(JSON.parse(await readFile(threshold, 'utf8')).preparation, { align: 'none', flip: false, decode: 1 })

    const commands = [
      ['verify', one, other],
      ['cluster', people],
      ['search', people, one],
    ]
    for (const command of commands) {
      const words = [...command, '-m', model, '--threshold', threshold]
      await facenet(...words, '--align', 'none')
      const { message } = await rejection(facenet(...words, '--align', 'center'))
      assert.match(message, /the rows to be judged with align center.*t\.json with align none/, command[0])
      await facenet(...words, '--align', 'center', '--allow-mixed')
    }

    // Of mirrored images too, and of stored embeddings.
    await facenet(...pairs, people, '--align', 'none', '-m', model, '--out', threshold, '--flip')
    const flipped = await rejection(
      facenet('cluster', people, '-m', model, '--align', 'none', '--threshold', threshold),
    )
    assert.match(flipped.message, /rows to be judged with flip false, and .*t\.json with flip true/)
    const stored = join(folder, 'f.jsonl')
    await facenet('embed', people, '--align', 'center', '-m', model, '-o', stored)
    await facenet(...pairs, stored, '--out', threshold)
    assert.is(JSON.parse(await readFile(threshold, 'utf8')).preparation.align, 'center')

    const lines = await readFile(stored, 'utf8')
    await writeFile(stored, lines.replace('"align":"center","centerFraction":0.5', '"align":"none"'))
    assert.match(
      (await rejection(facenet(...pairs, stored))).message,
      /f\.jsonl:1 with align none.*f\.jsonl:2 with align/,
    )
    await facenet(...pairs, stored, '--allow-mixed')
  }))

test('every command that embeds prepares images alike unless told', () => {
  for (const options of [embedOptions, verifyOptions, searchOptions, clusterOptions, evaluateOptions]) {
    assert.is(options.align.default, 'detect')
  }
})

test.run()
