/** What a network is to its users, and how a table becomes one. */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidArgument } from '../../errors.js'
import { checkInteger, checkOneOf, checkOptions } from '../../native/check_arguments.js'
import { type Layer, NetworkBuilder, type NetworkStyle, type PaddingRule, type Preprocessing } from './builder.js'

/** Options of the networks' tables. */
export interface NetworkOptions {
  /**
   * Length of the embedding, 1..65536.
   * @default the network's own
   */
  dimensions?: number
  /**
   * Batch normalisation after every convolution, which then has no bias.
   * @default false, as in the paper
   */
  batchNorm?: boolean
  /**
   * `none` leaves local response normalisation out.
   * @default `lrn`
   */
  norm?: 'lrn' | 'none'
  /** What L2 pooling takes the root of: the `sum` of the squares (OpenFace, the default) or their `mean`. */
  l2Pool?: 'sum' | 'mean'
}

/** A network that training can start from. */
export interface NetworkDefinition {
  /** As users type it: `nn2`, `nn4.small2`. */
  readonly name: string
  /** Its name for people. */
  readonly title: string
  /** Pixels. */
  readonly inputSize: { readonly height: number; readonly width: number }
  /** Length of the embedding unless told. */
  readonly dimensions: number
  /** Where the layers come from. */
  readonly source: string
  /** With default options, counted as `count.ts` says. */
  readonly parameters: number
  /** Of one image, with default options. */
  readonly multiplyAdds: number
  /** The figures as they were published, in their own words. */
  readonly published: { readonly parameters: string; readonly multiplyAdds: string }
  /** The options that `graph` takes. */
  readonly options: readonly (keyof NetworkOptions)[]
  /**
   * The network's nodes.
   *
   * @param options those that `options` lists.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for an option that is unknown, out of range or not its own.
   */
  graph(options?: NetworkOptions): GraphDescription
}

type NetworkSpec = Omit<NetworkDefinition, 'graph'> & {
  preprocessing?: Preprocessing
  padding?: PaddingRule
  /** Of networks that always have it. */
  batchNorm?: NetworkStyle['batchNorm']
  /** All layers but the last normalisation to unit length. */
  layers(image: Layer, dimensions: number): Layer
}

/** Pixels of 0..255 to about -1..1. The paper names no normalisation; this is the one of the facenet weights of 2018. */
const fixedStandardization: Preprocessing = { mode: 'fixed', color: 'rgb', mean: [127.5], scale: [1 / 128] }
const optionalBatchNorm = { epsilon: 1e-3, scale: true, bias: false }

export function defineNetwork(spec: NetworkSpec): NetworkDefinition {
  const { preprocessing = fixedStandardization, padding = 'same', batchNorm, layers, ...facts } = spec
  return {
    ...facts,
    graph(options = {}) {
      checkOptions(options, 'options', facts.options)
      const dimensions = checkInteger(options.dimensions ?? facts.dimensions, 'options.dimensions', 1, 65536)
      const wantsBatchNorm = options.batchNorm ?? false
      if (typeof wantsBatchNorm !== 'boolean') throw invalidArgument('options.batchNorm', 'a boolean', wantsBatchNorm)
      const builder = new NetworkBuilder(facts.name, facts.inputSize, {
        preprocessing,
        padding,
        batchNorm: batchNorm ?? (wantsBatchNorm ? optionalBatchNorm : null),
        norm: checkOneOf(options.norm ?? 'lrn', 'options.norm', ['lrn', 'none']),
        l2Pool: checkOneOf(options.l2Pool ?? 'sum', 'options.l2Pool', ['sum', 'mean']),
      })
      return builder.finish(layers(builder.image, dimensions))
    },
  }
}

export const paper = 'Schroff, Kalenichenko, Philbin: FaceNet, CVPR 2015'
/** The options of the paper's Inception networks. */
export const inceptionOptions = ['dimensions', 'batchNorm', 'norm', 'l2Pool'] as const
