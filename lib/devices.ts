/** Which device runs a call, and why. */
import type { BuildInfo, DeviceKind } from '../types/native.js'
import { FaceNetError } from './errors.js'
import { native } from './native.js'
import { checkOneOf, type DevicePreference, devicePreferences } from './options.js'

export interface Device {
  readonly kind: DeviceKind
  /** The graphics card's name, or the CPU backend with its instruction set. */
  readonly name: string
  /** Why this device was taken: 'asked for', or what keeps the better ones from being used. */
  readonly reason: string
}

/** The devices this process can use, fastest first. `reason` of the first says what keeps a faster one from being used. */
export function devices(): Device[] {
  const info = native().info()
  const kinds: DeviceKind[] = info.onednn ? ['cpu', 'reference'] : ['reference']
  const cards = (info.cuda?.devices ?? []).map((card) => ({ kind: 'cuda' as const, name: card.name, reason: '' }))
  const others = kinds.map((kind) => ({ kind, name: nameOf(kind, info), reason: '' }))
  const [first, ...rest] = [...cards, ...others]
  return [{ ...first!, reason: cards.length > 0 ? '' : whyNoCuda(info) }, ...rest]
}

/**
 * The device for a preference. `auto` takes the fastest there is; `cuda` throws ERR_FACENET_CUDA_UNAVAILABLE where it
 * cannot be used; `cpu` is the reference backend, with one warning a process, where the addon was built without oneDNN.
 */
export function resolveDevice(preference: DevicePreference = 'auto'): Device {
  checkOneOf(preference, 'options.device', devicePreferences)
  const info = native().info()
  const card = info.cuda?.devices[0]
  if (preference === 'reference') return { kind: 'reference', name: nameOf('reference', info), reason: 'asked for' }
  if (preference === 'cuda' && !card) {
    throw new FaceNetError('ERR_FACENET_CUDA_UNAVAILABLE', `No CUDA device can be used: ${whyNoCuda(info)}`, {
      argument: 'options.device',
      expected: 'a device that is there',
      received: 'cuda',
    })
  }
  if (card && preference !== 'cpu') {
    return { kind: 'cuda', name: card.name, reason: preference === 'cuda' ? 'asked for' : 'the fastest device there is' }
  }
  const reason = preference === 'cpu' ? 'asked for' : `CUDA is not used: ${whyNoCuda(info)}`
  if (info.onednn) return { kind: 'cpu', name: nameOf('cpu', info), reason }
  warnWithoutOneDnn()
  return { kind: 'reference', name: nameOf('reference', info), reason: `${reason}; the addon was built without oneDNN` }
}

/** One line on why no CUDA device is used. */
export function whyNoCuda(info: BuildInfo): string {
  if (!info.cuda) return 'the addon was built without CUDA'
  return info.cuda.reason || 'no device was found'
}

function nameOf(kind: 'cpu' | 'reference' | DeviceKind, info: BuildInfo): string {
  return kind === 'cpu' ? `CPU (oneDNN ${info.onednn}, ${info.isa})` : 'CPU (reference loops)'
}

let warned = false

function warnWithoutOneDnn(): void {
  if (warned) return
  warned = true
  process.emitWarning(
    'facenet-native was built without oneDNN, so the slow reference backend is used. ' +
      'Install libdnnl-dev and run `facenet build`.',
    { code: 'FACENET_NO_ONEDNN' },
  )
}
