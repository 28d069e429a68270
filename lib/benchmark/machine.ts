/** What the figures were taken on, for every line that is printed. */
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'

export interface Machine {
  cpu: string
  cores: number
  /** Those of the instruction sets that matter here that the CPU has; empty where the system does not tell. */
  instructions: string[]
  node: string
}

const telling = ['avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16', 'amx_bf16', 'amx_int8']

export function describeMachine(): Machine {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? process.arch,
    cores: cpus().length,
    instructions: telling.filter((flag) => flags().has(flag)),
    node: process.version,
  }
}

export function printMachine({ cpu, cores, instructions, node }: Machine): string {
  return `${cpu}, ${cores} cores, ${instructions.join(' ') || 'unknown instruction sets'}, Node ${node}`
}

/** Processes that wanted to run, averaged over the last minute. */
export function load(): number {
  return loadavg()[0]!
}

function flags(): Set<string> {
  try {
    const line = readFileSync('/proc/cpuinfo', 'utf8').match(/^flags\s*: (.*)$/m)
    return new Set(line?.[1]?.split(' '))
  } catch {
    return new Set()
  }
}
