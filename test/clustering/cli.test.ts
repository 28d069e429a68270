/** `facenet cluster` as its users run it. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withFolder } from '../api/support.js'
import { facenet, writeSmallModel } from '../cli/support.js'
import { tarHeader } from '../images/tar_writer.js'

/** The pictures show no faces, so they are taken whole. */
const cluster = (...args: string[]) => facenet('cluster', ...args, '--align', 'none')

/** Three pictures of which the first two are the same. */
async function picture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 116, height: 140, channels: 3, background: colour } })
    .png()
    .toBuffer()
}

function tarOfOne(name: string, bytes: Buffer): Buffer {
  const rest = Buffer.alloc((512 - (bytes.length % 512)) % 512)
  return Buffer.concat([tarHeader(name, bytes.length, '0'), bytes, rest, Buffer.alloc(1024)])
}

async function withPictures(use: (folder: string, model: string) => Promise<void>) {
  const [red, blue] = [await picture('#c02010'), await picture('#1030c0')]
  const files = { 'photos/a/1.png': red, 'photos/b/1.png': red, 'photos/b/2.png': blue }
  await withFolder(files, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, 1e-9)
    await use(folder, model)
  })
}

test('a table on stdout, scored against folders', () =>
  withPictures(async (folder, model) => {
    const photos = join(folder, 'photos')
    const table = await cluster(photos, '--model', model)
    assert.is(table.code, 0, table.stderr)
    const expected = [`${photos}/a/1.png\t0`, `${photos}/b/1.png\t0`, `${photos}/b/2.png\t1`]
    assert.equal(table.stdout.trim().split('\n'), expected)
    assert.match(table.stderr, /3 images, 2 people \(average linkage, squared distance below 1e-9\)/)

    const json = await cluster(photos, '--model', model, '--json', '--score-folders', '--linkage', 'single')
    const { clusters, linkage, scores, images } = JSON.parse(json.stdout)
    assert.equal([clusters, linkage, images.length], [2, 'single', 3])
    assert.equal([scores.identities, scores.purity], [2, 2 / 3])
  }))

test('folders of people, from folders and archives', () =>
  withPictures(async (folder, model) => {
    const archive = join(folder, 'more.tar')
    await writeFile(archive, tarOfOne('c/1.png', await picture('#c02010')))
    const [photos, out] = [join(folder, 'photos'), join(folder, 'people')]
    const { code, stderr } = await cluster(photos, archive, '--model', model, '--out', out)
    assert.is(code, 0, stderr)
    assert.equal((await readdir(out)).sort(), ['person-0001', 'person-0002'])
    assert.equal((await readdir(join(out, 'person-0001'))).sort(), ['1-2.png', '1-3.png', '1.png'])
    assert.equal(await readdir(join(out, 'person-0002')), ['2.png'])
    const [linked, original] = [join(out, 'person-0002/2.png'), join(photos, 'b/2.png')]
    assert.is((await stat(linked)).ino, (await stat(original)).ino, 'a hard link')

    const again = await cluster(photos, '--model', model, '--out', out)
    assert.is(again.code, 1)
    assert.match(again.stderr, /ERR_FACENET_IO/)
    assert.equal(
      (await readdir(folder)).filter((name) => name.endsWith('.tmp')),
      [],
    )
  }))

test('labels.json, and thresholds', () =>
  withPictures(async (folder, model) => {
    const out = join(folder, 'labels.json')
    const { code } = await cluster(join(folder, 'photos'), '--model', model, '--out', out, '--threshold', '100')
    assert.is(code, 0)
    const labels = JSON.parse(await readFile(out, 'utf8'))
    assert.equal([labels.clusters, labels.threshold], [1, 100])

    const wrong = join(folder, 'threshold.json')
    await writeFile(wrong, '{"threshold": 1}')
    const refused = await cluster(join(folder, 'photos'), '--model', model, '--threshold', wrong)
    assert.is(refused.code, 1)
    assert.match(refused.stderr, /ERR_FACENET_INVALID_ARGUMENT/)
    assert.is((await cluster(folder, '--model', model, '--threshold=-1')).code, 2)
  }))

test('nothing to cluster, and bad images', () =>
  withPictures(async (folder, model) => {
    const empty = join(folder, 'empty')
    await mkdir(empty)
    const none = await cluster(empty, '--model', model)
    assert.is(none.code, 1)
    assert.match(none.stderr, /No images were found, so there is nothing to cluster/)
    await writeFile(join(folder, 'photos/a/broken.png'), 'no image')
    const partly = await cluster(join(folder, 'photos'), '--model', model)
    assert.is(partly.code, 1)
    assert.is(partly.stdout.trim().split('\n').length, 3)
    assert.match(partly.stderr, /1 of 4 images could not be used/)
  }))

test.run()
