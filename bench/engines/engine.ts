/** What a bench worker drives: one network, open in one engine. */
export interface Engine {
  /** Embeds one batch. */
  run(): Promise<void>
  /** Embeds `count` images in one call, the same ones in every engine: dimensions floats each. */
  embed(count: number): Promise<Float32Array>
  /** What the engine says of how it runs. */
  notes: string
  close(): Promise<void>
}

export interface EngineOptions {
  /** The model file in the engine's own format. */
  model: string
  network: string
  dtype: 'f32' | 'bf16'
  threads: number
  batch: number
}

/** Images whose embeddings are compared. */
export const agreementImages = 8
