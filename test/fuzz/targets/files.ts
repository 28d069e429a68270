/** Files that are read from a path: archives, stored embeddings, thresholds, models, detectors, checkpoints, galleries, images. */
import { mkdtempSync, rmSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { writeThresholdFile } from '../../../lib/evaluation/threshold_file.js'
import { readDetector } from '../../../lib/files/model/detector_file.js'
import { readModel, writeModel } from '../../../lib/files/model/model_file.js'
import { f32Tensor } from '../../../lib/files/model/tensor.js'
import { openOutput } from '../../../lib/files/outputs/open.js'
import { readStored } from '../../../lib/files/outputs/stored.js'
import { decodeImage } from '../../../lib/images/decode.js'
import { createTrainer, openGallery, readThresholdFile } from '../../../lib/index.js'
import { openSource } from '../../../lib/sources/open.js'
import { readCheckpoint } from '../../../lib/training/checkpoint.js'
import { facesOf, model, randomRows } from '../../gallery/support.js'
import { tarOf } from '../../images/tar_writer.js'
import { zipOf } from '../../images/zip_writer.js'
import { options, small } from '../../training/small_trainer.js'
import { changed, type Target, target } from '../target.js'

const folder = mkdtempSync(join(tmpdir(), 'facenet-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** `use` is given the path of a file that has the bytes of the input. */
function fileTarget(
  name: string,
  file: string,
  sound: Uint8Array,
  use: (path: string) => unknown,
  tested = 40,
): Target {
  const path = join(folder, `${name}-${file}`)
  const run = async (bytes: Uint8Array) => {
    await writeFile(path, bytes)
    return use(path)
  }
  return target(name, changed(sound), run, tested)
}

async function readAll(path: string): Promise<void> {
  for await (const image of openSource(path)) await image.read().catch(refused)
}

/** What is wrong with one image does not end the others; a rejection that is none of ours does. */
function refused(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_FACENET'))) throw error
}

async function stored(extension: string): Promise<Uint8Array> {
  const path = join(folder, `sound${extension}`)
  const output = await openOutput(path, {
    dimensions: 2,
    fingerprint: 'f00d',
    preparation: { align: 'none', flip: false, decode: 1 },
  })
  for (const name of ['a.jpg', 'b.jpg']) await output.write([{ path: name, embedding: Float32Array.of(1, 2) }])
  await output.close()
  return readFile(path)
}

/** The paths of a `.npy` are in a file beside it. */
async function storedNpy(): Promise<Uint8Array> {
  const bytes = await stored('.npy')
  await copyFile(join(folder, 'sound.npy.json'), join(folder, 'npy-a.npy.json'))
  await copyFile(join(folder, 'sound.npy'), join(folder, 'npy-paths-b.npy'))
  return bytes
}

const besideNpy = (path: string) => readStored(path.replace(/\.json$/, ''))

async function gallery(): Promise<Uint8Array> {
  const path = join(folder, 'sound.db')
  const opened = await openGallery(path, { model })
  for (const face of facesOf(randomRows(6))) await opened.add(face)
  await opened.close()
  return readFile(path)
}

async function checkpoint(): Promise<Uint8Array> {
  const trainer = await createTrainer(small(), options)
  const path = join(folder, 'sound.safetensors')
  await trainer.save(path)
  await trainer.close()
  return readFile(path)
}

async function threshold(): Promise<Uint8Array> {
  const path = join(folder, 'threshold.json')
  const [val, far] = [0.9, 0.001]
  await writeThresholdFile(path, {
    ...{ threshold: 0.5, far, val, confidenceInterval: { level: 0.95, low: 0.4, high: 0.6 }, fingerprint: 'f00d' },
    ...{ pairs: { same: 10, different: 20 }, slices: [] },
  } as never)
  return readFile(path)
}

async function useGallery(path: string): Promise<void> {
  for (const beside of ['-wal', '-shm']) await rm(path + beside, { force: true })
  await using opened = await openGallery(path, { model })
  await opened.search(randomRows(1), { k: 2 })
}

export async function files(): Promise<Target[]> {
  await mkdir(folder, { recursive: true })
  const pixels = sharp({ create: { width: 24, height: 20, channels: 3, background: '#a73' } })
  const [jpeg, png, webp] = await Promise.all([
    pixels.jpeg().toBuffer(),
    pixels.png().toBuffer(),
    pixels.webp().toBuffer(),
  ])
  const tar = tarOf({
    'a.jpg': jpeg.toString('latin1'),
    'dir/b.png': 'bytes',
    '../c.jpg': 'x',
    long: { kind: 'L', data: 'n'.repeat(200) },
    p: { kind: 'x', data: '20 path=pax/name.jpg' },
  })
  const zip = zipOf({ 'a.jpg': { data: jpeg, deflate: true }, 'b.png': 'bytes', '../c.jpg': 'x' })
  const modelPath = join(folder, 'model.safetensors')
  const { graph, tensors } = small()
  const stated = [...tensors].map(([name, { shape, data }]) => [name, f32Tensor(shape, data as Float32Array)] as const)
  await writeModel(modelPath, { graph, tensors: new Map(stated) })
  const modelBytes = await readFile(modelPath)
  return [
    fileTarget('tar', 'a.tar', tar, readAll),
    fileTarget('tgz', 'a.tar.gz', gzipSync(tar), readAll),
    fileTarget('zip', 'a.zip', zip, readAll),
    fileTarget('npy', 'a.npy', await storedNpy(), readStored, 10),
    fileTarget('npy-paths', 'b.npy.json', await readFile(join(folder, 'sound.npy.json')), besideNpy, 10),
    fileTarget('jsonl', 'a.jsonl', await stored('.jsonl'), readStored),
    fileTarget('parquet', 'a.parquet', await stored('.parquet'), readStored),
    fileTarget('threshold', 'a.json', await threshold(), (path) => readThresholdFile(path, 'f00d')),
    fileTarget('checkpoint', 'a.safetensors', await checkpoint(), readCheckpoint, 40),
    fileTarget('gallery', 'a.db', await gallery(), useGallery, 20),
    target('model', changed(modelBytes), (bytes) => readModel(bytes, { verify: true }), 150),
    target('detector', changed(modelBytes), (bytes) => readDetector(bytes), 100),
    target('jpeg', changed(jpeg), (bytes) => decodeImage(bytes), 300),
    target('png', changed(png), (bytes) => decodeImage(bytes), 60),
    target('webp', changed(webp), (bytes) => decodeImage(bytes), 60),
  ]
}
