/**
 * Makes packages/models, the package @facenet-native/models: the detector and the model that are used where none is named. Both are made of
 * the weights that @vladmandic/face-api (MIT) has in 8 bits, and take a byte a weight here as well. `npm run prebuild` runs it.
 */
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importFaceApi } from '../lib/convert/importers/face_api.js'
import { importModel } from '../lib/convert/importers/import_model.js'
import { readDetector, writeDetector } from '../lib/files/model/detector_file.js'
import { verifyModel, writeModel } from '../lib/files/model/model_file.js'
import { packagedFiles } from '../lib/models/packaged.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const faceApi = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'))

const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

const notice = (
  version: string,
) => `The files of this package are made of the weights in @vladmandic/face-api ${version}, which LICENSE holds for.

detector.safetensors
  The networks tiny_face_detector and face_landmark_68 of face-api.js by Vincent Muehler, MIT.

recogniser.safetensors
  The network face_recognition of face-api.js: dlib_face_recognition_resnet_model_v1 by Davis King, rounded to 8 bits.
  Davis King has dedicated the weights to the public domain (CC0 1.0, github.com/davisking/dlib-models). He says that about half of the
  3 million faces it was trained on came from the VGG and FaceScrub datasets, the others from the internet.
`

const readme = `# @facenet-native/models

The face detector and the face recognition network that [facenet-native](https://www.npmjs.com/package/facenet-native) uses where none is
named. Its files are opened by their names:

\`\`\`ts
import { openDetector, openModel } from 'facenet-native'

await using model = await openModel()         // dlib's network: 128 floats, threshold 0.36 (squared L2)
await using detector = await openDetector()   // tiny_face_detector and face_landmark_68 of face-api.js
\`\`\`

MIT; the sources of the weights and what their authors say of them are in NOTICE. The version is that of facenet-native.
`

export async function prebuildModels(folder = join(root, 'packages', 'models')): Promise<void> {
  const { version, repository, homepage, bugs } = await readJson(join(root, 'package.json'))
  const source = await readJson(join(faceApi, 'package.json'))
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const weights = join(faceApi, 'model')
  const from = { producer: `facenet-native ${version}`, source: `npm @vladmandic/face-api ${source.version}` }

  const recogniser = join(folder, packagedFiles.recogniser)
  const manifest = join(weights, 'face_recognition_model-weights_manifest.json')
  await writeModel(recogniser, { ...(await importModel(manifest, { name: 'dlib' })), ...from }, { palettes: true })
  await verifyModel(recogniser)
  const detector = join(folder, packagedFiles.detector)
  await writeDetector(detector, { ...(await importFaceApi(weights)), ...from }, { palettes: true })
  await readDetector(detector)

  const made = {
    name: '@facenet-native/models',
    version,
    description: 'The default face detector and face recognition network of facenet-native',
    license: 'MIT',
    homepage,
    repository,
    bugs,
    files: [...Object.values(packagedFiles), 'NOTICE'],
    exports: {
      ...Object.fromEntries(Object.values(packagedFiles).map((name) => [`./${name}`, `./${name}`])),
      './package.json': './package.json',
    },
    publishConfig: { access: 'public', provenance: true },
  }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(made, null, 2)}\n`)
  await writeFile(join(folder, 'README.md'), readme)
  await writeFile(join(folder, 'NOTICE'), notice(source.version))
  await copyFile(join(faceApi, 'LICENSE'), join(folder, 'LICENSE'))
  for (const name of Object.values(packagedFiles)) {
    console.error(`${join(folder, name)}: ${((await stat(join(folder, name))).size / 1e6).toFixed(2)} MB`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await prebuildModels()
