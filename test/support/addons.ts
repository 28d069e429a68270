/**
 * Which addon runs what in the tests. CUDA comes from the emulated addon (test/emulator), so that its tests run everywhere;
 * with FACENET_TEST_CUDA=device from the addon itself, on a GPU; or from the file that FACENET_TEST_CUDA names. With
 * FACENET_TEST_CUDA=none tests of ops leave it out, as on another processor, where the emulator would take hours.
 */
import { createRequire } from 'node:module'
import { test } from 'uvu'
import { native } from '../../lib/native/addon.js'
import type { DeviceKind, NativeAddon } from '../../types/native.js'
import { buildEmulator } from '../emulator/build.mjs'

const choice = process.env.FACENET_TEST_CUDA ?? 'emulator'

export const isLeftOut = choice === 'none'
export const isEmulated = choice !== 'device' && !isLeftOut
/** A test of CUDA alone. */
export const cudaTest = isLeftOut ? test.skip : test

let emulated: NativeAddon | undefined

/** The addon whose device `cuda` is tested. */
export function cudaAddon(): NativeAddon {
  if (isLeftOut) throw new Error('CUDA is left out, as FACENET_TEST_CUDA is none')
  if (!isEmulated) return native()
  emulated ??= createRequire(import.meta.url)(choice === 'emulator' ? buildEmulator('addon') : choice) as NativeAddon
  return emulated
}

export const addonFor = (device: DeviceKind): NativeAddon => (device === 'cuda' ? cudaAddon() : native())

/** Says what machine the emulated addon runs on (test/emulator/settings.cc), from its next call on. */
export function emulate(settings: string): void {
  process.env.FACENET_EMULATOR = settings
}
