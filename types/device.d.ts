/** What an addon was built with, and what it computes on and in. */

/** CUDA kernels, the CPU backend, or plain loops that specify both. */
export type DeviceKind = 'cuda' | 'cpu' | 'reference'
/** Of activations and prepared weights. f16 is for CUDA and the reference. */
export type DType = 'f32' | 'bf16' | 'f16'
/** Of tensors in model files. */
export type StoredDType = 'f32' | 'bf16'

export interface BuildInfo {
  version: string
  /** Version of oneDNN that the CPU backend was built with; null: without it, so its bf16 convolutions run in fp32. */
  onednn: string | null
  /** Version of libjpeg-turbo that JPEGs are decoded by; null: built without, so sharp decodes them. */
  jpeg: string | null
  /** What the CPU backend runs with here: 'avx512_amx', 'avx512_bf16', 'avx512', 'avx2', 'neon', 'baseline'. */
  isa: string
  /** null: built without CUDA. `driver` 0: no driver. `reason`: why no device is used, empty where one is. */
  cuda: null | { runtime: number; driver: number; architectures: string[]; devices: CudaDevice[]; reason: string }
}

export interface CudaDevice {
  index: number
  name: string
  computeCapability: string
  memoryBytes: number
}

/** Two flags, as `types/native.d.ts` says. */
export type Cancel = Int32Array<SharedArrayBuffer>

/** Where a call runs. */
export interface DeviceOptions {
  device: DeviceKind
  /** Of CUDA; the first device that can be used where it is left out. */
  deviceIndex?: number
}
