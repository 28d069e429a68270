import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lfwName } from '../../lib/evaluation/lfw.js'
import { parseLfwPairs } from '../../lib/evaluation/lfw_pairs.js'
import { sliceColumn } from '../../lib/evaluation/slice_table.js'
import { frameOfPath, meanDistance, parseFrameTable, parseYtfSplits, sumUp } from '../../lib/evaluation/ytf_splits.js'

const list = ['2\t1', 'Ann\t1\t4', 'Ann\t2\tBob\t13', 'Cy\t1\t2', 'Cy\t3\tDee\t1', ''].join('\n')

test('pairs.txt: folds, each with its same pairs first', () => {
  assert.equal(parseLfwPairs(list, 'pairs.txt'), [
    { a: 'Ann/Ann_0001', b: 'Ann/Ann_0004', same: true, fold: 0, line: 2 },
    { a: 'Ann/Ann_0002', b: 'Bob/Bob_0013', same: false, fold: 0, line: 3 },
    { a: 'Cy/Cy_0001', b: 'Cy/Cy_0002', same: true, fold: 1, line: 4 },
    { a: 'Cy/Cy_0003', b: 'Dee/Dee_0001', same: false, fold: 1, line: 5 },
  ])
})

test('the lists of View 1 have one number first, and any line ends', () => {
  const pairs = parseLfwPairs('1\r\nAnn 1 4\r\nAnn 2 Bob 13\r\n', 'dev.txt')
  assert.equal(
    pairs.map(({ fold, same }) => [fold, same]),
    [
      [0, true],
      [0, false],
    ],
  )
})

test('names with spaces, numbers with zeros, blank lines and a byte order mark', () => {
  const text = '\ufeff1\n\nAnna Maria\t0001\t4\n\n  Anna Maria 2 Bob de la Cruz 13  \n\n'
  assert.equal(
    parseLfwPairs(text, 'pairs.txt').map(({ a, b, line }) => [a, b, line]),
    [
      ['Anna Maria/Anna Maria_0001', 'Anna Maria/Anna Maria_0004', 3],
      ['Anna Maria/Anna Maria_0002', 'Bob de la Cruz/Bob de la Cruz_0013', 5],
    ],
  )
})

test('lists and images name each other, whatever their accents and zeros', () => {
  const [nfc, nfd] = ['NFC', 'NFD'].map((form) => 'Zoë'.normalize(form)) as [string, string]
  const [pair] = parseLfwPairs(`1\n${nfc} 1 2\n${nfc} 1 Bob 3\n`, 'pairs.txt')
  assert.is(lfwName(`lfw/${nfd}/${nfd}_0001.jpg`), pair!.a)
  assert.is(lfwName(`lfw/${nfd}/${nfd}_2.png`), pair!.b)
  assert.is(lfwName('lfw.tar/Ann/Ann_0012.jpg'), 'Ann/Ann_0012')
})

const withLine = (number: number, line: string) =>
  list
    .split('\n')
    .with(number - 1, line)
    .join('\n')
const malformed: [string, string, RegExp][] = [
  ['no header', withLine(1, 'Ann 1 2'), /pairs\.txt:1 but received "Ann 1 2"/],
  ['an empty file', '', /pairs\.txt:1 but received ""/],
  ['no folds', withLine(1, '0 300'), /pairs\.txt:1/],
  [
    'a same pair with four fields',
    withLine(2, 'Ann 1 Bob 2'),
    /a person and two image numbers for pairs\.txt:2 but received "Ann 1 Bob 2"/,
  ],
  ['a different pair with three', withLine(3, 'Ann 1 2'), /a person and an image number, twice for pairs\.txt:3/],
  ['a word for a number', withLine(4, 'Cy one 2'), /pairs\.txt:4 but received "Cy one 2"/],
  ['an image number of zero', withLine(4, 'Cy 0 2'), /pairs\.txt:4/],
  ['a different pair of one person', withLine(5, 'Cy 3 Cy 1'), /two different people for pairs\.txt:5/],
  [
    'a fold that is short',
    list.split('\n').slice(0, 4).join('\n'),
    /2 folds of equal size: 1 same and 1 different pairs each, 4 lines for pairs\.txt:4 but received 3 lines/,
  ],
  ['a fold that is long', `${list}Eve\t1\t2\n`, /for pairs\.txt:6 but received 5 lines/],
]
for (const [what, text, message] of malformed) {
  test(`${what} is refused, with the line`, () => assert.throws(() => parseLfwPairs(text, 'pairs.txt'), message))
}

test('ytf_splits.txt', () => {
  assert.equal(parseYtfSplits('split, pair, a, b, same\n1, 4, Ann_B/0, Ann_B/3, 1\n2, 6, Cy/4, Dee/5, 0\n', 's.txt'), [
    { a: 'Ann_B/0', b: 'Ann_B/3', same: true, fold: 0, line: 2 },
    { a: 'Cy/4', b: 'Dee/5', same: false, fold: 1, line: 3 },
  ])
  assert.throws(
    () => parseYtfSplits('1, 4, Ann/0, Ann/3, 1\n1, 5, Ann/0, Ann, 1\n', 's.txt'),
    /for s\.txt:2 but received/,
  )
  assert.throws(() => parseYtfSplits('1, 4, Ann/0, Ann/3, 2\n', 's.txt'), /s\.txt:1/)
  assert.throws(() => parseYtfSplits('0, 4, Ann/0, Ann/3, 1\n', 's.txt'), /s\.txt:1/)
})

test('frames come from a table, or from where the image lies', () => {
  const table = parseFrameTable('name\tvideo\tframe\nAnn/x.jpg\t3\t7\n', 't.tsv')
  assert.equal([...table], [['Ann/x.jpg', { video: 'Ann/3', frame: 7 }]])
  assert.is(parseFrameTable('name\trex\nAnn/x.jpg\t3\n', 't.tsv').size, 0)
  assert.throws(() => parseFrameTable('name\tvideo\tframe\nAnn/x.jpg\t3\tlast\n', 't.tsv'), /t\.tsv:2/)
  assert.equal(frameOfPath('ytf/Ann/3/aligned_detect_3.1472.jpg'), { video: 'Ann/3', frame: 1472 })
  assert.is(frameOfPath('x.jpg'), undefined)
})

test('the distance of two videos is the mean over all pairs of frames', () => {
  const a = [Float32Array.of(0, 1), Float32Array.of(2, 3), Float32Array.of(-1, 5)]
  const b = [Float32Array.of(4, 4), Float32Array.of(0, -2)]
  const pairs = a.flatMap((x) => b.map((y) => (x[0]! - y[0]!) ** 2 + (x[1]! - y[1]!) ** 2))
  const expected = pairs.reduce((sum, value) => sum + value, 0) / pairs.length
  assert.ok(Math.abs(meanDistance(sumUp(a), sumUp(b)) - expected) < 1e-12)
})

test('slices are found by the end of a path', () => {
  const table = 'name\tage\nAnn/1.jpg\told\nBob/1.jpg\t\n'
  const paths = ['photos/Ann/1.jpg', 'photos/Bob/1.jpg', 'photos/Cy/1.jpg']
  assert.equal(sliceColumn(table, 't.tsv', 'age', paths), ['old', undefined, undefined])
  assert.throws(
    () => sliceColumn(table, 't.tsv', 'light', paths),
    /columns name and light for t\.tsv but received name, age/,
  )
  assert.throws(() => sliceColumn('name\tage\nAnn/1.jpg\ta\tb\n', 't.tsv', 'age', paths), /2 cells for t\.tsv:2/)
  assert.throws(() => sliceColumn('name\tage\nEve/1.jpg\told\n', 't.tsv', 'age', paths), /none for 3 images/)
})

const data = process.env.FACENET_DATA ?? new URL('../../../shared/data', import.meta.url).pathname
const official: [string, number, number, number][] = [
  ['lfw/pairs.txt', 10, 3000, 3000],
  ['lfw/pairsDevTrain.txt', 1, 1100, 1100],
  ['lfw/pairsDevTest.txt', 1, 500, 500],
  ['ytf/ytf_splits.txt', 10, 2500, 2500],
]
for (const [name, folds, same, different] of official) {
  const path = join(data, name)
  const there = existsSync(path)
  const check = () => {
    const parse = name.startsWith('lfw') ? parseLfwPairs : parseYtfSplits
    const pairs = parse(readFileSync(path, 'utf8'), path)
    assert.is(new Set(pairs.map((pair) => pair.fold)).size, folds)
    assert.is(pairs.filter((pair) => pair.same).length, same)
    assert.is(pairs.length, same + different)
  }
  ;(there ? test : test.skip)(`${name} is read whole${there ? '' : ` (skipped: ${path} is not there)`}`, check)
}

test.run()
