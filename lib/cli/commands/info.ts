/** `facenet info`: what this build can do and which device it uses. */
import { availableParallelism } from 'node:os'
import type { BuildInfo } from '../../../types/native.js'
import { addonLocation, howToGetCuda, native } from '../../native/addon.js'
import { resolveDevice, whyNoCuda } from '../../native/devices.js'
import type { Context } from '../context.js'

export async function run(context: Context): Promise<void> {
  const info = native().info()
  const device = resolveDevice(context.options.device)
  const node = process.version
  if (context.json) {
    await context.print(
      JSON.stringify({ ...info, node, cores: availableParallelism(), device, addon: addonLocation() }),
    )
    return
  }
  await context.print(`facenet-native ${info.version}, Node ${node}, ${availableParallelism()} cores`)
  const { file, package: of } = addonLocation()
  await context.print(`addon: ${of ? `${of.name} ${of.version}, ` : ''}${file}`)
  await context.print(`oneDNN: ${info.onednn ?? 'not built in, so bf16 convolutions run in fp32'}`)
  await context.print(`libjpeg-turbo: ${info.jpeg ?? 'not built in, so sharp decodes JPEGs'}`)
  await context.print(`CPU: ${info.isa}`)
  await context.print(`CUDA: ${cudaLine(info)}`)
  await context.print(`device: ${device.kind}, ${device.name} (${device.reason})`)
}

function cudaLine(info: BuildInfo): string {
  if (!info.cuda) {
    const advice = howToGetCuda()
    return advice ? `not built in, though a driver is there. ${advice}` : 'not built in'
  }
  const { runtime, driver, architectures, devices } = info.cuda
  const built = `built in, runtime ${version(runtime)}${architectures.length > 0 ? ` for ${architectures.join(', ')}` : ''}`
  if (devices.length === 0) return `${built}; no device is used because ${whyNoCuda(info)}`
  const cards = devices.map((card) => `${card.index}: ${card.name} (compute capability ${card.computeCapability})`)
  return `${built}, driver ${version(driver)}; ${cards.join(', ')}`
}

/** CUDA writes 13.0 as 13000. */
function version(number: number): string {
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`
}
