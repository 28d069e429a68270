/** `facenet evaluate robustness` on the command line. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeSmallModel } from '../cli/support.js'
import { facenet, people, withLfw } from './cli_support.js'

test('evaluate robustness: each condition of each model, published figures apart', async () => {
  await withLfw(async (folder, model) => {
    const other = join(folder, 'other.safetensors')
    await writeSmallModel(other)
    const lfw = join(folder, 'lfw')
    const args = ['evaluate', 'robustness', lfw, '--model', model, '--model', other, '--training-images', '500,1000']
    const { code, stdout, stderr } = await facenet(...args, '--json')
    assert.is(stderr, '') // The lists beside the images are not passed over.
    assert.is(code, 0)
    const { models, published } = JSON.parse(stdout)
    assert.is(models.length, 2)
    const [first] = models
    assert.equal([first.images, first.dimensions, first.far, first.trainingImages], [8, 128, 0.1, 500])
    assert.equal(
      [...first.jpegQuality, ...first.pixels].map(({ at }: { at: number }) => at),
      [10, 20, 30, 50, 70, 90, 1600, 6400, 14_400, 25_600, 65_536],
    )
    // The network takes 116x140 pixels, so the last sizes change nothing, and the first ones do.
    const { at, ...large } = first.pixels[4]
    assert.equal(large, first.original)
    assert.is.not(first.pixels[0].threshold, first.original.threshold)
    assert.is(published.jpegQuality.rows[0].val, 67.3)

    const text = await facenet(...args)
    assert.match(text.stdout, /\nquality +VAL +equal error +threshold +published VAL\nas it is +[\d.]+ % /)
    assert.match(text.stdout, /\n10 {2,}[\d.]+ % .* 67\.3 %\n/)
    assert.match(text.stdout, /\n1,600 \(36x44\) +.* 37\.8 %\n/)
    assert.match(text.stdout, /\n65,536 \(as it is\) +/)
    assert.match(text.stdout, /By dimensions\n(.*\n)+FaceNet NN1 \(published\) +64 +86\.8 % +- +- +FAR 0\.001\n/)
    assert.match(text.stdout, /By training images\n(.*\n)+FaceNet, 96x96 \(published\) +260,000,000 +86\.2 %/)
  })
})

test('evaluate robustness on a list of pairs', async () => {
  await withLfw(async (folder, model) => {
    const lines = ['2 10']
    for (let fold = 0; fold < 2; fold++) {
      for (let i = 0; i < 10; i++) lines.push(`${people[i % 4]} 1 2`)
      for (let i = 0; i < 10; i++) lines.push(`${people[i % 4]} 1 ${people[(i + 1) % 4]} 2`)
    }
    const pairs = join(folder, 'many.txt')
    await writeFile(pairs, lines.join('\n'))
    const args = ['evaluate', 'robustness', join(folder, 'lfw'), '--model', model, '--pairs', pairs]
    const { code, stdout, stderr } = await facenet(...args)
    assert.is(code, 0, stderr)
    assert.match(stdout, /20 same and 20 different pairs of 8 images; VAL at FAR 0\.1\n/)
    assert.match(stdout, /\nquality +VAL +accuracy +equal error/)
    const refused = await facenet(...args, '--far', '1e-3')
    assert.is(refused.code, 1)
    assert.match(refused.stderr, /FAR 0\.001 needs at least 1000 different pairs, and there are 20/)
    const missing = await facenet('evaluate', 'robustness', join(folder, 'lfw/Ann'), '--model', model, '--pairs', pairs)
    assert.match(missing.stderr, /many\.txt:3 but received Bob\/Bob_0001, which is missing/)
  })
})

test.run()
