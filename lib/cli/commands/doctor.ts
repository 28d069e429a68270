/** `facenet doctor`: all that embedding needs, each thing looked at by itself, so that what is broken hides nothing. */

import { access, constants } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { makeFolder } from '../../files/make_folder.js'
import { addonLocation, howToGetCuda, native, surroundings } from '../../native/addon.js'
import { whyNoCuda } from '../../native/devices.js'
import type { PlatformPackage } from '../../native/facts.js'
import { cudaDriver, describePlatform, packaged } from '../../native/platform.js'
import { type Context, errorLine, PartialFailure } from '../context.js'

/** What a look at one thing found; `ok` null: embedding does without. */
interface Finding {
  name: string
  ok: boolean | null
  text: string
  facts?: object
}

export async function run(context: Context): Promise<void> {
  const findings: Finding[] = []
  const look = async (name: string, needed: boolean, find: () => Found | Promise<Found>) => {
    try {
      const { text, facts, ok = needed ? true : null } = await find()
      findings.push({ name, ok, text, facts })
    } catch (error) {
      const said = errorLine(error)
      const before = findings.find(({ text }) => text === said)
      findings.push({ name, ok: needed ? false : null, text: before ? `as ${before.name}` : said })
    }
  }
  await look('node', true, node)
  await look('platform', false, platform)
  await look('packages', false, packages)
  await look('addon', true, addon)
  await look('cpu', false, cpu)
  await look('cuda', false, cuda)
  await look('sharp', true, sharp)
  await look('cache', false, cache)
  await look('detector', false, () => opened(context, 'detector'))
  await look('model', false, () => opened(context, 'model'))
  await look('embedding', true, () => embedding(context))

  const works = findings.every(({ ok }) => ok !== false)
  if (context.json) {
    const shown = findings.map(({ name, ok, text, facts }) => [name, { ok, text, ...facts }])
    await context.print(JSON.stringify({ works, ...Object.fromEntries(shown) }))
  } else {
    for (const { name, ok, text } of findings) {
      const mark = ok === false ? 'FAILS' : ok ? 'ok' : ''
      await context.print(`${name.padEnd(10)} ${mark.padEnd(5)} ${text.replaceAll('\n', `\n${' '.repeat(17)}`)}`)
    }
    await context.print(works ? 'Embedding works.' : 'Embedding does not work: see what FAILS above.')
  }
  if (!works) throw new PartialFailure()
}

interface Found {
  text: string
  ok?: boolean
  facts?: object
}

function node(): Found {
  const { oldestNode } = surroundings()
  const { node: version, bun, electron } = process.versions
  const inside = bun ? ` (Bun ${bun})` : electron ? ` (Electron ${electron})` : ''
  return { text: `${version}${inside}; ${oldestNode} or newer is needed`, facts: { version, needed: oldestNode } }
}

function platform(): Found {
  const { platform: facts } = surroundings()
  return { text: describePlatform(facts), facts }
}

function packages(): Found {
  const { version, installed, prebuilt } = surroundings()
  const found = packaged
    .flatMap((name) => [installed(name), prebuilt(name)])
    .filter((each): each is PlatformPackage => each !== undefined)
  const text = found.map(({ name, version, folder }) => `${name} ${version} in ${folder}`).join('\n')
  return { text: `facenet-native ${version}\n${text || 'no package of any platform'}`, facts: { version, found } }
}

function addon(): Found {
  const located = addonLocation()
  const origins = {
    FACENET_ADDON: 'named by FACENET_ADDON',
    built: 'compiled on this machine',
    package: located.package?.name,
    clone: 'made in this clone',
  }
  const { jpeg } = native().info()
  const jpegs = jpeg ? `JPEGs by libjpeg-turbo ${jpeg}` : 'without libjpeg-turbo: sharp decodes JPEGs'
  return { text: `${located.file}, ${origins[located.origin]}; ${jpegs}`, facts: { ...located, jpeg } }
}

function cpu(): Found {
  const { isa, onednn } = native().info()
  const threads = availableParallelism()
  const text = `${isa}, ${threads} threads, ${onednn ? `oneDNN ${onednn}` : 'without oneDNN: bf16 convolutions in fp32'}`
  return { text, facts: { isa, threads, onednn } }
}

function cuda(): Found {
  const driver = cudaDriver(surroundings().platform) ?? null
  const found = driver === null ? 'no driver' : `driver ${driver}`
  const info = native().info()
  const names = info.cuda?.devices.map((device) => `${device.index}: ${device.name}`) ?? []
  const advice = howToGetCuda()
  const text = names.length > 0 ? names.join(', ') : `not used: ${whyNoCuda(info)}`
  return {
    text: `${found}; ${text}${advice ? `\n${advice}` : ''}`,
    facts: { driver, devices: info.cuda?.devices ?? [] },
  }
}

async function sharp(): Promise<Found> {
  const { default: library } = await import('sharp')
  const { sharp: version, vips } = library.versions
  return { text: `${version}, libvips ${vips}`, facts: { version, vips } }
}

/** Made where it is not there, as the first import or download would. */
async function cache(): Promise<Found> {
  const { cacheFolder } = await import('../../models/cache.js')
  const folder = cacheFolder()
  if (!folder) return { text: 'none: no home and no FACENET_CACHE', facts: { folder: null, writable: false } }
  const writable = await makeFolder(folder)
    .then(() => access(folder, constants.W_OK))
    .then(
      () => true,
      () => false,
    )
  const help = writable ? '' : ', which cannot be written; FACENET_CACHE names another'
  return { text: `${folder}${help}`, facts: { folder, writable } }
}

async function opened(context: Context, what: 'model' | 'detector'): Promise<Found> {
  const { openDetector, openModel } = await import('../../index.js')
  const { defaultDetector, defaultModel } = await import('../../models/resolve.js')
  const { device, threads, signal } = context.opening()
  if (what === 'detector') {
    await using detector = await openDetector(defaultDetector, { device, threads, signal })
    const { name, fingerprint } = detector
    return { text: defaultDetector, facts: { name, fingerprint } }
  }
  await using model = await openModel(defaultModel, context.opening())
  const { name, dimensions, fingerprint } = model
  return { text: `${defaultModel}, ${dimensions} floats`, facts: { name, dimensions, fingerprint } }
}

/** With the default model where it is there, else with a network of random weights: whether a model is at hand is another question. */
async function embedding(context: Context): Promise<Found> {
  const { openModel } = await import('../../index.js')
  const { namedModel } = await import('../../models/named.js')
  const { defaultModel } = await import('../../models/resolve.js')
  const source = await namedModel(defaultModel).catch(async () => {
    const { networks } = await import('../../convert/networks/index.js')
    const { initialWeights } = await import('../../convert/networks/initialize.js')
    const graph = networks.nns2.graph()
    return { graph, tensors: initialWeights(graph, 1) }
  })
  await using model = await openModel(source, context.opening())
  const { height, width } = model.inputSize
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 7) % 251)
  const start = performance.now()
  const row = await model.embed(pixels)
  const milliseconds = performance.now() - start
  if (!row.every(Number.isFinite)) return { ok: false, text: `${model.name} gave numbers that are not finite` }
  const { kind, name } = model.device
  const text = `${row.length} floats by ${model.name} in ${milliseconds.toFixed(0)} ms on ${kind}, ${name}`
  return { text, facts: { network: model.name, device: model.device, milliseconds } }
}
