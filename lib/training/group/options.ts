/** Who a process is in its group, and where rank 0 listens. */
import { invalidArgument } from '../../errors.js'
import { checkInteger, checkOptions, checkSignal } from '../../native/check_arguments.js'

/** A process's place in a group. What is left out is read from the environment. */
export interface GroupOptions {
  /**
   * Of this process, 0..worldSize-1; `RANK`.
   */
  rank?: number
  /**
   * How many processes there are; `WORLD_SIZE`.
   */
  worldSize?: number
  /**
   * Of the machine of rank 0, as the others reach it; `MASTER_ADDR`.
   */
  address?: string
  /**
   * That rank 0 listens at, 1..65535; `MASTER_PORT`.
   */
  port?: number
  /**
   * What all processes must say alike, for people: the network and how it is trained.
   */
  what?: string
  /**
   * Milliseconds until all must be there.
   * @default 60000
   */
  timeout?: number
  /**
   * Milliseconds of silence after which a process counts as lost. Signs of life are sent while a process computes.
   * @default 10000
   */
  peerTimeout?: number
  /** Ends the waiting for others. */
  signal?: AbortSignal
}

export type GroupSettings = Required<Omit<GroupOptions, 'signal'>> & { signal?: AbortSignal }

const most = { ranks: 1024, port: 65_535, timeout: 2 ** 31 - 1 }

export function checkGroupOptions(options: GroupOptions, environment: NodeJS.ProcessEnv): GroupSettings {
  checkOptions(options, 'options', ['rank', 'worldSize', 'address', 'port', 'what', 'timeout', 'peerTimeout', 'signal'])
  const { what = '', timeout = 60_000, peerTimeout = 10_000, signal } = options
  const number = (key: 'rank' | 'worldSize' | 'port', variable: string, low: number, high: number) => {
    if (options[key] !== undefined) return checkInteger(options[key], `options.${key}`, low, high)
    const text = environment[variable]
    const expected = `an integer from ${low} to ${high}, of options.${key} or the environment`
    if (text === undefined || !/^\d{1,9}$/.test(text)) throw invalidArgument(variable, expected, text)
    return checkInteger(Number(text), variable, low, high)
  }
  const worldSize = number('worldSize', 'WORLD_SIZE', 1, most.ranks)
  const rank = number('rank', 'RANK', 0, worldSize - 1)
  const address = options.address ?? environment.MASTER_ADDR
  if (worldSize > 1 && (typeof address !== 'string' || address === '')) {
    throw invalidArgument('MASTER_ADDR', 'the address of rank 0, of options.address or the environment', address)
  }
  return {
    rank,
    worldSize,
    address: address ?? '',
    port: worldSize > 1 ? number('port', 'MASTER_PORT', 1, most.port) : 0,
    what: String(what),
    timeout: checkInteger(timeout, 'options.timeout', 1, most.timeout),
    peerTimeout: checkInteger(peerTimeout, 'options.peerTimeout', 100, most.timeout),
    ...(signal !== undefined && { signal: checkSignal(signal) }),
  }
}
