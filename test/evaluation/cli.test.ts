import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dispatch } from '../../lib/cli/dispatch.js'
import { UsageError } from '../../lib/cli/usage_error.js'
import { rejection, withFolder } from '../api/support.js'
import { facenet, withLfw } from './cli_support.js'

interface Result {
  accuracy: number
  standardError: number
  threshold: number
  folds: { accuracy: number; threshold: number; pairs: number }[]
  val: { far: number; val: number | null; reason?: string }[]
  roc: unknown[]
  flip: boolean
  align: string
  fingerprint: string
  skipped: number
  images: number
}

test('evaluate lfw --json: accuracy, error, threshold, folds and VAL, with how they were made', async () => {
  await withLfw(async (folder, model) => {
    const { code, stdout, stderr } = await facenet(
      'evaluate',
      'lfw',
      join(folder, 'lfw'),
      '--model',
      model,
      '--json',
      '--flip',
    )
    assert.is(stderr, '') // The lists beside the images are not passed over.
    assert.is(code, 0)
    const result = JSON.parse(stdout) as Result
    assert.is(result.folds.length, 2)
    assert.is(result.accuracy, (result.folds[0]!.accuracy + result.folds[1]!.accuracy) / 2)
    assert.ok(result.threshold > 0 && result.standardError >= 0)
    assert.is(result.val.length, 6)
    assert.match(result.val[0]!.reason!, /FAR 0\.1 needs at least 10 different pairs a fold, and there are 1/)
    assert.equal([result.flip, result.align, result.skipped, result.images], [true, 'none', 0, 6])
    assert.match(result.fingerprint, /^[0-9a-f]{64}$/)
  })
})

test('as text: the fold table, and published figures under a heading of their own', async () => {
  await withLfw(async (folder, model) => {
    const { code, stdout } = await facenet(
      'evaluate',
      'lfw',
      join(folder, 'lfw'),
      '--model',
      model,
      '--align',
      'center',
    )
    assert.is(code, 0)
    assert.match(
      stdout,
      /centre crop, 0\.5 of each side, no mirror images\nLFW View 2: 2 same and 2 different pairs of 6 images/,
    )
    assert.match(stdout, /\nfold {2}pairs {2}threshold {2}accuracy\n1 {9}2 /)
    assert.match(stdout, /\naccuracy [\d.]+ ± [\d.]+ % \(standard error of the mean over folds\)/)
    assert.match(stdout, /\n\nPublished by others, not measured here:\n.*\nDeepFace {2,}97\.35 ± 0\.25 %/)
  })
})

test('evaluate lfw --view 1 chooses on DevTrain and judges DevTest', async () => {
  await withLfw(async (folder, model) => {
    const { stdout } = await facenet('evaluate', 'lfw', join(folder, 'lfw'), '--model', model, '--json', '--view', '1')
    const result = JSON.parse(stdout) as Result
    assert.equal(
      result.folds.map((fold) => fold.pairs),
      [4],
    )
    assert.is(result.images, 7)
  })
})

test('a missing image is an error with its line, or counted with --skip-missing', async () => {
  await withLfw(async (folder, model) => {
    const args = [
      'evaluate',
      'lfw',
      join(folder, 'lfw'),
      '--pairs',
      join(folder, 'missing.txt'),
      '--model',
      model,
      '--json',
    ]
    const refused = await facenet(...args)
    assert.is(refused.code, 1)
    assert.match(refused.stderr, /missing\.txt:5 but received Dee\/Dee_0009, which is missing/)
    const counted = await facenet(...args, '--skip-missing')
    assert.is(counted.code, 0)
    const result = JSON.parse(counted.stdout) as Result
    assert.is(result.skipped, 1)
    assert.equal(
      result.folds.map((fold) => fold.pairs),
      [2, 1, 2],
    )
  })
})

test('an image that cannot be used is not called missing, and makes the exit code 1', async () => {
  await withLfw(async (folder, model) => {
    await writeFile(join(folder, 'lfw/Cy/Cy_0002.png'), 'no image')
    // Three folds, of which the second needs that image.
    const [pairs, splits] = [join(folder, 'three.txt'), join(folder, 'three_splits.txt')]
    await writeFile(pairs, '3 1\nAnn 1 2\nAnn 1 Bob 1\nCy 1 2\nCy 2 Dee 1\nBob 1 2\nBob 2 Ann 1\n')
    const listed = ['1, 1, Ann/0, Ann/1, 1', '1, 2, Ann/0, Bob/0, 0', '2, 1, Cy/0, Cy/1, 1', '2, 2, Cy/1, Dee/0, 0']
    await writeFile(splits, [...listed, '3, 1, Bob/0, Bob/1, 1', '3, 2, Bob/1, Ann/0, 0', ''].join('\n'))
    for (const args of [
      ['lfw', join(folder, 'lfw'), '--pairs', pairs],
      ['ytf', join(folder, 'lfw'), '--pairs', splits],
    ]) {
      const refused = await facenet('evaluate', ...args, '--model', model)
      assert.equal([refused.code, refused.stdout], [1, ''])
      assert.match(refused.stderr, /error: .*:\d but received Cy\/\S+, which could not be used: .*Cy_0002\.png/)
      assert.not.match(refused.stderr, /is missing/)
      const counted = await facenet('evaluate', ...args, '--model', model, '--skip-missing')
      assert.is(counted.code, 1)
      assert.match(counted.stdout, /\n2 pairs were skipped: their images are missing or could not be used\n/)
      assert.match(counted.stdout, /\naccuracy /)
      assert.match(counted.stderr, /Cy_0002\.png.*ERR_FACENET_IMAGE_INVALID/)
    }
  })
})

test('evaluate ytf: videos from the table beside the images', async () => {
  await withLfw(async (folder, model) => {
    const args = ['evaluate', 'ytf', join(folder, 'lfw'), '--pairs', join(folder, 'splits.txt'), '--model', model]
    const { code, stdout } = await facenet(...args)
    assert.is(code, 0)
    assert.match(stdout, /YouTube Faces: 2 same and 2 different pairs of 6 videos, 6 frames, at most the first 100/)
    assert.match(stdout, /FaceNet +95\.12 ± 0\.39 %/)
  })
})

test('evaluate pairs: figures, slices and a threshold file; stored embeddings give the same', async () => {
  await withLfw(async (folder, model) => {
    const [out, table, rows] = ['t.json', 'lfw.tsv', 'e.jsonl'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    const options = ['--far', '0.1', '--table', table, '--slice', 'light', '--json']
    const made = await facenet('evaluate', 'pairs', join(folder, 'lfw'), '--model', model, ...options, '--out', out)
    assert.is(made.code, 0, made.stderr)
    const result = JSON.parse(made.stdout)
    assert.equal(result.pairs, { same: 4, different: 24 })
    assert.equal([result.images, result.people, result.slices[0].value], [8, 4, 'day'])
    const file = JSON.parse(await readFile(out, 'utf8'))
    assert.is(file.threshold, result.threshold)
    assert.is(file.fingerprint, result.fingerprint)
    assert.equal(file.slices[0], { column: 'light', ...result.slices[0] })

    const embed = ['embed', join(folder, 'lfw'), '--model', model, '--align', 'none', '--out', rows]
    assert.is((await facenet(...embed)).code, 0)
    const stored = JSON.parse((await facenet('evaluate', 'pairs', rows, ...options)).stdout)
    for (const key of ['threshold', 'fingerprint', 'val', 'equalErrorRate', 'slices'])
      assert.equal(stored[key], result[key])
  })
})

test('embeddings of two models are not compared', async () => {
  const row = (path: string, fingerprint: string) => JSON.stringify({ path, embedding: [1, 0], fingerprint })
  const files = { 'a.jsonl': row('Ann/1.jpg', 'one'), 'b.jsonl': row('Ann/2.jpg', 'two'), 'c.jsonl': '{"path": "x"' }
  await withFolder(files, async (folder) => {
    const [a, b, c] = Object.keys(files).map((name) => join(folder, name)) as [string, string, string]
    const judge = (...paths: string[]) =>
      rejection(dispatch(['evaluate', 'pairs', ...paths], new AbortController().signal))
    assert.match((await judge(a, b)).message, /embeddings of one model \(one\) for fingerprint but received two/)
    assert.match((await judge(a, c)).message, /for .*c\.jsonl:1 but received/)
  })
})

const mistakes: [string, string[], RegExp][] = [
  ['an unknown protocol', ['megaface', 'x'], /evaluate lfw, ytf, pairs or robustness, not megaface/],
  ['no images', ['lfw'], /evaluate takes <lfw\|ytf\|pairs\|robustness> <images\.\.\.>, and 1 came/],
  ['an option of another protocol', ['lfw', 'x', '--frames', '3'], /--frames is for evaluate ytf/],
  ['a view that is none', ['lfw', 'x', '--view', '3'], /--view is one of 1, 2, not 3/],
  ['no splits', ['ytf', 'x', '--model', 'm'], /--pairs is missing/],
  ['two models of one protocol', ['lfw', 'x', '--model', 'm', '--model', 'n'], /--model is given more than once/],
  [
    'a count for one model of two',
    ['robustness', 'x', '--model', 'm', '--model', 'n', '--training-images', '5'],
    /--training-images takes one number per model, and 1 came for 2 models/,
  ],
  [
    'half an image',
    ['robustness', 'x', '--model', 'm', '--training-images', '1.5'],
    /--training-images is an integer of at least 1, or several with commas, not 1\.5/,
  ],
  [
    'a detector without detection',
    ['pairs', 'x', '--model', 'm', '--align', 'none', '--detector', 'd'],
    /--detector is for --align detect, not none/,
  ],
  ['a slice of no table', ['pairs', 'x', '--slice', 'age', '--model', 'm'], /--table and --slice go together/],
  [
    'a fraction above 1',
    ['pairs', 'x', '--center-fraction', '2', '--model', 'm'],
    /--center-fraction is a number above 0 and at most 1, not 2/,
  ],
]
for (const [what, args, message] of mistakes) {
  test(`${what} is a usage error`, async () => {
    const error = await rejection(dispatch(['evaluate', ...args], new AbortController().signal))
    assert.instance(error, UsageError)
    assert.match(error.message, message)
  })
}

test('a malformed line is named before any image is read', async () => {
  await withLfw(async (folder) => {
    const args = ['evaluate', 'lfw', join(folder, 'lfw'), '--pairs', join(folder, 'broken.txt'), '--model', 'none']
    const error = await rejection(dispatch(args, new AbortController().signal))
    assert.match(error.message, /a person and two image numbers for .*broken\.txt:4 but received "Cy one 2"/)
  })
})

test.run()
