/** What a worker of a benchmark drives: one network, open in one engine. */

import type { DeviceKind, DType } from '../../types/native.js'

export const engineNames = ['facenet', 'onnxruntime'] as const
export type EngineName = (typeof engineNames)[number]

export interface Engine {
  /** Computes one batch. */
  run(): Promise<void>
  /** Embeds `count` images in one call, the same ones in every engine: dimensions floats each. */
  embed(count: number): Promise<Float32Array>
  /** What the engine says of how it runs. */
  notes: string
  close(): Promise<void>
}

export interface EngineOptions {
  engine: EngineName
  /** The model file in the engine's own format. */
  model: string
  /** What messages call the network. */
  network: string
  device: DeviceKind
  dtype: DType
  threads: number
  batch: number
}

/** Images whose embeddings are compared. */
export const agreementImages = 8

/** `bytes` bytes of noise, which depend on nothing: what an engine computes takes the same time whatever the pixels are. */
export function noise(bytes: number, seed = 1): Uint8Array {
  const images = new Uint8Array(bytes)
  let state = seed
  for (let index = 0; index < images.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    images[index] = state >>> 24
  }
  return images
}
