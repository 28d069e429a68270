export interface Ran {
  ok: boolean
  stdout: string
  output: string
  problem?: string
  seconds: number
}

export interface Limits {
  seconds?: number
  env?: Record<string, string | undefined>
  cwd?: string
}

export class Runner {
  constructor(log: string, secondsLeft: () => number)
  run(command: string, args: string[], limits?: Limits): Promise<Ran>
  figures(command: string, args: string[], limits?: Limits): Promise<{ problem?: string; output?: string }>
  stop(): void
}

export function eachOf<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<void>): Promise<void>
