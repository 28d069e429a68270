/** The model and the detector that nobody has to name: from the package, from face-api's weights in a cache, and where nothing can be written. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readDetector } from '../../lib/files/model/detector_file.js'
import { verifyModel } from '../../lib/files/model/model_file.js'
import { openDetector, openModel } from '../../lib/index.js'
import { cacheFolder } from '../../lib/models/cache.js'
import { packagedDetector, packagedModel } from '../../lib/models/packaged.js'
import { prebuildModels } from '../../scripts/prebuild-models.js'
import { assertFails } from '../importers/support.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = await readFile(join(root, 'package.json'), 'utf8')
const folder = await mkdtemp(join(tmpdir(), 'facenet-cache-'))
test.after(() => rm(folder, { recursive: true }))

/** A folder as that of this package, without the package of models. */
async function emptyRoot(name: string): Promise<string> {
  const made = join(folder, name)
  await mkdir(made)
  await writeFile(join(made, 'package.json'), manifest)
  return made
}
const bare = await emptyRoot('bare')

test('what is imported of face-api is kept in the cache, where it is found again', async () => {
  const cache = join(folder, 'cache')
  for (const packaged of [packagedDetector, packagedModel]) {
    const path = await packaged(cache, bare)
    assert.type(path, 'string')
    assert.is(await packaged(cache, bare), path)
  }
  assert.is((await readdir(cache)).length, 2)
})

test('both work from memory where the cache cannot be written, and where there is none', async () => {
  const file = join(folder, 'file')
  await writeFile(file, '')
  const kept = await openDetector(await packagedDetector(join(folder, 'cache'), bare), { device: 'cpu', threads: 1 })
  const { HOME, XDG_CACHE_HOME } = process.env
  try {
    // A home that is no folder: nothing can be made in it.
    Object.assign(process.env, { HOME: file, XDG_CACHE_HOME: '' })
    for (const place of [join(file, 'below'), cacheFolder()]) {
      const contents = await packagedDetector(place, bare)
      assert.type(contents, 'object')
      const open = await openDetector(contents, { device: 'cpu', threads: 1 })
      assert.is(open.name, kept.name)
      open.dispose()
      assert.type(await packagedModel(place, bare), 'object')
    }
  } finally {
    process.env.HOME = HOME
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME
    kept.dispose()
  }
})

test('the package has the same model and detector in 7 MB, and belongs to this version', async () => {
  const withPackage = await emptyRoot('with')
  await prebuildModels(join(withPackage, 'packages/models'))
  const [model, detector] = [
    await packagedModel(undefined, withPackage),
    await packagedDetector(undefined, withPackage),
  ]
  assert.is(model, join(withPackage, 'packages/models/recogniser.safetensors'))
  const imported = await verifyModel((await packagedModel(join(folder, 'cache'), bare)) as string)
  const { fingerprint, threshold, alignment, license, dimensions } = await verifyModel(model as string)
  assert.is(fingerprint, imported.fingerprint)
  assert.equal([threshold?.value, alignment, license, dimensions], [0.36, 'dlib', 'MIT', 128])
  const kept = await readDetector((await packagedDetector(join(folder, 'cache'), bare)) as string)
  assert.is((await readDetector(detector as string)).metadata.fingerprint, kept.metadata.fingerprint)

  const other = await emptyRoot('other')
  await cp(join(withPackage, 'packages'), join(other, 'packages'), { recursive: true })
  const theirs = join(other, 'packages/models/package.json')
  await writeFile(theirs, (await readFile(theirs, 'utf8')).replace(/"version": "[^"]*"/, '"version": "0.0.7"'))
  await assertFails(
    () => packagedModel(undefined, other),
    'ERR_FACENET_IO',
    /models is version 0\.0\.7.*\n.*npm install facenet-native@/,
  )
})

test('openModel and openDetector without a source, and by name', async () => {
  await using model = await openModel()
  await using same = await openModel('dlib', { device: 'cpu', threads: 1 })
  assert.is(model.fingerprint, same.fingerprint)
  assert.is(model.threshold, 0.36)
  await using detector = await openDetector()
  await using named = await openDetector('face-api', { device: 'cpu', threads: 1 })
  assert.is(detector.fingerprint, named.fingerprint)
  for (const open of [openModel, openDetector] as ((source: undefined) => Promise<unknown>)[]) {
    await assertFails(() => open(undefined), 'ERR_FACENET_INVALID_ARGUMENT', /undefined/)
  }
  await assertFails(
    () => openModel('face-api'),
    'ERR_FACENET_INVALID_ARGUMENT',
    /a model that embeds faces for source but received face-api, a detector/,
  )
  await assertFails(() => openDetector('sface'), 'ERR_FACENET_INVALID_ARGUMENT', /a detector for source/)
})

test('where the cache is', () => {
  const home = () => '/home/a'
  assert.is(cacheFolder({ FACENET_CACHE: '/c', XDG_CACHE_HOME: '/x' }, 'linux', home), '/c')
  assert.is(cacheFolder({ XDG_CACHE_HOME: '/x', LOCALAPPDATA: '/l' }, 'linux', home), '/x/facenet-native')
  assert.is(cacheFolder({}, 'linux', home), '/home/a/.cache/facenet-native')
  assert.is(cacheFolder({ LOCALAPPDATA: '/l' }, 'win32', home), '/l/facenet-native')
  assert.is(
    cacheFolder({}, 'linux', () => assert.unreachable() as never),
    undefined,
  )
})

test.run()
