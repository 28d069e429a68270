/** Which device runs a call, and why. */
import type { BuildInfo, DeviceKind } from '../../types/native.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { howToGetCuda, native } from './addon.js'
import { checkInteger, checkOneOf, type DevicePreference, devicePreferences } from './check_arguments.js'

/** A device, and why it was taken. */
export interface Device {
  /** What it is. */
  readonly kind: DeviceKind
  /** The graphics card's name, or the CPU backend with its instruction set. */
  readonly name: string
  /** Why this device was taken: 'asked for', or what keeps a faster one from being used. */
  readonly reason: string
}

/**
 * The devices this process can use.
 *
 * @returns the fastest first, whose `reason` says why no CUDA device is before it.
 * @throws FaceNetError ERR_FACENET_ADDON_NOT_FOUND where the addon was not built or cannot be loaded.
 *
 * @example
 * ```ts
 * for (const { kind, name } of devices()) console.log(kind, name)
 * ```
 */
export function devices(): Device[] {
  const info = native().info()
  const cards = (info.cuda?.devices ?? []).map(({ name }): Device => ({ kind: 'cuda', name, reason: '' }))
  const others = (['cpu', 'reference'] as const).map(
    (kind): Device => ({ kind, name: backendName(kind, info), reason: '' }),
  )
  const [first, ...rest] = [...cards, ...others]
  return [{ ...first!, reason: whyNoCuda(info) }, ...rest]
}

/**
 * The device for a preference. `auto` takes the fastest there is; `cuda` throws ERR_FACENET_CUDA_UNAVAILABLE where it
 * cannot be used. `index` chooses among CUDA devices; whether there is one of that number the addon finds out.
 */
export function resolveDevice(preference: DevicePreference = 'auto', index: number | undefined = undefined): Device {
  checkOneOf(preference, 'options.device', devicePreferences)
  const info = native().info()
  if (preference === 'reference')
    return { kind: 'reference', name: backendName('reference', info), reason: 'asked for' }
  if (preference === 'cpu') return onCpu(info, 'asked for')
  const obstacle = whyNoCuda(info)
  if (!obstacle) {
    const reason = preference === 'cuda' ? 'asked for' : 'the fastest device there is'
    const cards = info.cuda!.devices
    const card = cards.find((candidate) => candidate.index === index) ?? cards[0]!
    return { kind: 'cuda', name: card.name, reason }
  }
  if (preference === 'auto') return onCpu(info, `CUDA is not used: ${obstacle}`)
  const advice = howToGetCuda()
  const help = advice ? `. A driver is there. ${advice}` : ''
  throw new FaceNetError('ERR_FACENET_CUDA_UNAVAILABLE', `CUDA cannot be used: ${obstacle}${help}`, {
    argument: 'options.device',
    expected: 'a device that can be used',
    received: 'cuda',
  })
}

/** The number of a CUDA device, where one is asked for. */
export function checkDeviceIndex(value: unknown, preference: DevicePreference = 'auto'): number | undefined {
  if (value === undefined) return undefined
  if (preference !== 'cuda' && preference !== 'auto')
    throw invalidArgument('options.deviceIndex', `no index with device '${preference}'`, value)
  return checkInteger(value, 'options.deviceIndex', 0)
}

/** Empty where there is a CUDA device to use. */
export function whyNoCuda({ cuda }: BuildInfo): string {
  if (!cuda) return 'the addon was built without CUDA'
  return cuda.devices.length > 0 ? '' : cuda.reason || 'no device was found'
}

function onCpu(info: BuildInfo, reason: string): Device {
  return { kind: 'cpu', name: backendName('cpu', info), reason }
}

function backendName(kind: DeviceKind, info: BuildInfo): string {
  if (kind === 'reference') return 'reference loops'
  return info.onednn ? `${info.isa}, oneDNN ${info.onednn}` : info.isa
}
