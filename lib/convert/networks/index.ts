/** The networks by name. */
import { invalidArgument } from '../../errors.js'
import type { NetworkDefinition } from './definition.js'
import { inceptionResnetV1 } from './inception_resnet_v1.js'
import { nn1 } from './nn1.js'
import { nn2 } from './nn2.js'
import { nn3 } from './nn3.js'
import { nn4 } from './nn4.js'
import { nn4Small2 } from './nn4_small2.js'
import { nns1 } from './nns1.js'
import { nns2 } from './nns2.js'

export type { NetworkDefinition, NetworkOptions } from './definition.js'

/** Names of the networks. */
export const networkNames = ['nn1', 'nn2', 'nn3', 'nn4', 'nns1', 'nns2', 'nn4.small2', 'inception-resnet-v1'] as const
/** Names of networks. */
export type NetworkName = (typeof networkNames)[number]

/**
 * The networks that training starts from, by name: tables that read like the paper's.
 *
 * @example
 * ```ts
 * const graph = networks['nn4.small2'].graph({ dimensions: 64 })
 * ```
 */
export const networks: Readonly<Record<NetworkName, NetworkDefinition>> = {
  nn1,
  nn2,
  nn3,
  nn4,
  nns1,
  nns2,
  'nn4.small2': nn4Small2,
  'inception-resnet-v1': inceptionResnetV1,
}

/**
 * The network of a name, in upper or lower case.
 *
 * @param name as in `nn2`.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT with the known names.
 *
 * @example
 * ```ts
 * const { inputSize, parameters } = network('NN2')
 * ```
 */
export function network(name: string): NetworkDefinition {
  const known = typeof name === 'string' && networkNames.find((candidate) => candidate === name.toLowerCase())
  if (!known) throw invalidArgument('network', `one of ${networkNames.join(', ')}`, name)
  return networks[known]
}
