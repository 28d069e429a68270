/** mineTriplets and tripletLoss for every device under test; CUDA comes from the addon that support/addons.ts chooses. */

import * as library from '../../lib/index.js'
import { newCancel } from '../../lib/native/queue.js'
import type { DeviceKind } from '../../types/native.js'
import { cudaAddon } from '../support/addons.js'
import { devices as hostDevices, modelDevices } from '../support/ops.js'

/** A process that is told which instructions the CPU may use is about the CPU (isa.test.ts). */
export const devices: DeviceKind[] = process.env.FACENET_ISA ? hostDevices : modelDevices

const settingsOf = ({ dimensions, margin = 0.2, deviceIndex }: library.TripletOptions) =>
  ({ dimensions, margin, threads: 1, device: 'cuda', ...(deviceIndex !== undefined && { deviceIndex }) }) as const

export async function mineTriplets(
  embeddings: Float32Array,
  labels: Int32Array | readonly number[],
  options: library.MiningOptions,
): Promise<library.Triplets> {
  if (options.device !== 'cuda') return await library.mineTriplets(embeddings, labels, options)
  const settings = { ...settingsOf(options), strategy: options.strategy ?? 'semi-hard' }
  return await cudaAddon().mineTriplets(embeddings, Int32Array.from(labels), settings, newCancel())
}

export async function tripletLoss(
  embeddings: Float32Array,
  triplets: library.Triplets,
  options: library.TripletOptions,
): Promise<library.TripletLoss> {
  if (options.device !== 'cuda') return await library.tripletLoss(embeddings, triplets, options)
  const gradient = new Float32Array(embeddings.length)
  const value = await cudaAddon().tripletLoss(embeddings, triplets, settingsOf(options), gradient, newCancel())
  return { loss: value.loss, gradient, active: value.active }
}

/** Of a property: each run on the emulated device takes as long as a thousand elsewhere. */
export const runsOn = (device: DeviceKind): number => (device === 'cuda' ? 20 : 150)
