import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { facenet, jsonLines, start, writeSmallModel } from './support.js'

interface Line {
  path: string
  embedding: number[]
  fingerprint: string
}

const input = { inputSize: { height: 140, width: 116 } }

/** A folder with `m.safetensors` and `faces/` of `count` good images and the bad ones. */
async function withFaces(count: number, bad: Record<string, string>, use: (folder: string) => Promise<void>) {
  const pngs = await asPngs(input, pixels(input, count))
  const good = Object.fromEntries(pngs.map((png, i) => [`faces/${String(i).padStart(3, '0')}.png`, png]))
  const named = Object.fromEntries(Object.entries(bad).map(([name, content]) => [`faces/${name}`, content]))
  await withFolder({ ...good, ...named }, async (folder) => {
    await writeSmallModel(join(folder, 'm.safetensors'), 0.5)
    await use(folder)
  })
}

test('--json prints a line an image on stdout, and nothing else there', async () => {
  await withFaces(3, {}, async (folder) => {
    const model = join(folder, 'm.safetensors')
    const { code, stdout, stderr } = await facenet(
      'embed',
      join(folder, 'faces'),
      '--align',
      'none',
      '--model',
      model,
      '--json',
    )
    assert.is(code, 0)
    const lines = jsonLines<Line>(stdout)
    assert.equal(
      lines.map(({ path }) => path.slice(-7)),
      ['000.png', '001.png', '002.png'],
    )
    for (const { embedding, fingerprint } of lines) {
      assert.is(embedding.length, 128)
      assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5)
      assert.match(fingerprint, /^[0-9a-f]{64}$/)
    }
    assert.match(stderr, /3 images embedded/)
  })
})

test('--stats says how long each stage was at work, in a last line', async () => {
  await withFaces(40, {}, async (folder) => {
    const how = ['--align', 'none', '--model', join(folder, 'm.safetensors'), '--stats']
    const { stdout } = await facenet('embed', join(folder, 'faces'), ...how, '--json')
    const lines = jsonLines<{ stats?: { images: number; stages: Record<string, number> } }>(stdout)
    assert.is(lines.length, 41)
    const { images, stages } = lines[40]!.stats!
    assert.is(images, 40)
    assert.equal(Object.keys(stages).sort(), ['decode', 'embed', 'read', 'write'])
    for (const share of Object.values(stages)) assert.ok(share > 0 && share <= 1)
    const { stderr } = await facenet('embed', join(folder, 'faces'), ...how)
    assert.match(stderr, /\d images a second; at work: read \d+ %, decode \d+ %, embed \d+ %, write \d+ %/)
  })
})

test('what is no image is counted on stderr, also with --quiet, and in a last line of --json', async () => {
  const others = { 'a.heic': '\0\0\0\x18ftypheic\0\0\0\0mif1', 'b.mp4': '\0\0\0\x18ftypisom', 'c.HEIC': 'x' }
  await withFaces(1, others, async (folder) => {
    const how = ['--align', 'none', '--model', join(folder, 'm.safetensors'), '--json', '--quiet']
    const { code, stdout, stderr } = await facenet('embed', join(folder, 'faces'), ...how)
    assert.is(code, 0)
    assert.match(
      stderr,
      /^3 files passed over: 2 \.heic, 1 \.mp4\n {2}\.heic: HEIC is not decoded; convert it to JPEG first/,
    )
    const lines = jsonLines<Partial<Line> & { passedOver?: object }>(stdout)
    assert.is(lines.length, 2)
    assert.equal(lines[1], { passedOver: { total: 3, kinds: { '.heic': 2, '.mp4': 1 } } })
    const excluded = await facenet('embed', join(folder, 'faces'), ...how, '--exclude', '*.heic', '--exclude', '*.HEIC')
    assert.match(excluded.stderr, /^3 files passed over: 2 excluded, 1 \.mp4/)
  })
})

test('good images are written, bad ones listed at the end, and the exit code is 1', async () => {
  const bad = { '0005.jpg': 'a text file named .jpg', '001a.png': '', 'zzz.jpg': '\xff\xd8\xff\xe0 no more' }
  await withFaces(40, bad, async (folder) => {
    const paths = ['npy', 'jsonl', 'parquet'].map((extension) => join(folder, `out.${extension}`))
    for (const out of paths) {
      const { code, stdout, stderr } = await facenet(
        ...['embed', join(folder, 'faces'), '--align', 'none', '--model', join(folder, 'm.safetensors'), '--out', out],
      )
      assert.is(code, 1)
      assert.is(stdout, '')
      assert.match(
        stderr,
        /40 images embedded into .*\n3 of 43 images could not be used:\n {2}.*0005\.jpg.*\n {2}.*001a\.png.*\n {2}.*zzz\.jpg.*ERR_FACENET_IMAGE_INVALID/,
      )
    }
    const [npy, jsonl, parquet] = paths as [string, string, string]
    const all = jsonLines<Line & { code?: string }>(await readFile(jsonl, 'utf8'))
    const lines = all.filter(({ code }) => code === undefined)
    const failed = all.flatMap(({ path, code }) => (code === undefined ? [] : [`${path.slice(-8)} ${code}`]))
    assert.is(lines.length, 40)
    assert.equal(
      failed.sort(),
      ['001a.png', '0005.jpg', '/zzz.jpg'].map((name) => `${name} ERR_FACENET_IMAGE_INVALID`).sort(),
    )
    assert.match((await readFile(npy)).subarray(0, 128).toString('latin1'), /'<f4'.*\(40, 128\)/)
    const bytes = await readFile(parquet)
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
    const rows = await parquetReadObjects({ file })
    assert.equal(
      rows.map(({ path }) => path),
      all.map(({ path }) => path),
    )
    const { missing } = JSON.parse(await readFile(`${npy}.json`, 'utf8')) as { missing: { path: string }[] }
    assert.is(missing.length, 3)
    assert.ok((await readdir(folder)).every((name) => !/tmp|partial/.test(name)))
  })
})

test('--quiet leaves only what went wrong on stderr', async () => {
  await withFaces(1, { 'bad.jpg': 'text' }, async (folder) => {
    const { code, stdout, stderr } = await facenet(
      ...['embed', '--quiet', '--align', 'none', join(folder, 'faces'), '-m', join(folder, 'm.safetensors')],
    )
    assert.is(code, 1)
    assert.match(stdout, /^\S+000\.png\t(-?[\d.e-]+ ){127}-?[\d.e-]+\n$/)
    assert.match(stderr, /^1 of 2 images could not be used:\n.*bad\.jpg.*\n$/)
  })
})

test('a failed run leaves no file', async () => {
  await withFaces(1, {}, async (folder) => {
    const out = join(folder, 'out.npy')
    const { code, stderr } = await facenet(
      ...['embed', join(folder, 'nowhere'), '--align', 'none', '--model', join(folder, 'm.safetensors'), '--out', out],
    )
    assert.is(code, 1)
    assert.match(stderr, /nowhere.*ERR_FACENET_IO/)
    assert.equal((await readdir(folder)).sort(), ['faces', 'm.safetensors'])
  })
})

test('a folder without images is an error', async () => {
  await withFolder({}, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model)
    const { code, stderr } = await facenet(
      'embed',
      folder,
      '--align',
      'none',
      '--model',
      model,
      '--out',
      join(folder, 'x.npy'),
    )
    assert.is(code, 1)
    assert.match(stderr, /No images were found/)
    assert.equal(await readdir(folder), ['m.safetensors'])
  })
})

for (const [signal, ending, message] of [
  ['SIGINT', 130, /interrupted/],
  ['SIGTERM', 143, /terminated/],
  ['SIGHUP', 129, /terminated/],
] as const) {
  test(`${signal} ends with ${ending} and leaves no file`, async () => {
    await withFaces(400, {}, async (folder) => {
      const faces = join(folder, 'faces')
      const { process, outcome } = start([
        ...['embed', ...Array.from({ length: 50 }, () => faces), '--model', join(folder, 'm.safetensors')],
        ...['--out', join(folder, 'out.npy'), '--batch-size', '8', '--device', 'reference', '--align', 'none'],
      ])
      // The output's pending file shows that work is under way.
      while ((await readdir(folder)).length < 3) await new Promise((resolve) => setTimeout(resolve, 20))
      process.kill(signal)
      const { code, stderr } = await outcome
      assert.is(code, ending)
      assert.match(stderr, message)
      assert.equal((await readdir(folder)).sort(), ['faces', 'm.safetensors'])
    })
  })
}

test('FACENET_MODEL stands for --model, and verify compares two images', async () => {
  await withFaces(2, {}, async (folder) => {
    const environment = { FACENET_MODEL: join(folder, 'm.safetensors') }
    const [a, b] = ['000.png', '001.png'].map((name) => join(folder, 'faces', name)) as [string, string]
    const verify = async (...args: string[]) => {
      const { code, stdout } = await start(['verify', '--json', '--align', 'none', ...args], environment).outcome
      assert.is(code, 0)
      return JSON.parse(stdout) as { distance: number; threshold: number; same: boolean }
    }
    assert.equal(await verify(a, a), { distance: 0, threshold: 0.5, same: true, probability: null })
    const different = await verify(a, b, '--threshold', '0')
    assert.ok(different.distance > 0 && different.distance <= 4)
    assert.equal([different.threshold, different.same], [0, false])
    const { stdout } = await start(['verify', a, a, '--align', 'none'], environment).outcome
    assert.match(stdout, /^same person \(squared distance 0\.0000, threshold 0\.5\)\nprobability same not known.*\n$/)
  })
})

test('verify with an image that is none', async () => {
  await withFaces(1, { 'bad.jpg': 'text' }, async (folder) => {
    const faces = join(folder, 'faces')
    const { code, stdout, stderr } = await facenet(
      ...[
        'verify',
        join(faces, '000.png'),
        join(faces, 'bad.jpg'),
        '--align',
        'none',
        '--model',
        join(folder, 'm.safetensors'),
      ],
    )
    assert.is(code, 1)
    assert.is(stdout, '')
    assert.match(stderr, /bad\.jpg.*ERR_FACENET_IMAGE_INVALID/)
  })
})

test.run()
