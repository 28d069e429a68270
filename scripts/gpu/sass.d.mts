/** How often an instruction occurs; `all`: all of them. */
export type Counts = { all: number } & Partial<
  Record<'HMMA' | 'LDSM' | 'LDGSTS' | 'LDG' | 'LDG.128' | 'STG' | 'STG.128' | 'LDS' | 'STS' | 'LDL' | 'STL', number> &
    Record<'CALL' | 'BRA' | 'BAR' | 'FFMA' | 'MUFU' | 'other', number>
>

export interface Kernel {
  /** Mangled. */
  name: string
  /** sm_80, sm_90. */
  architecture: string
  /** Of machine code. */
  bytes: number
  counts: Counts
  /** Of each innermost loop on tensor cores. */
  loops: Counts[]
}

export function kernelsOf(path: string): Kernel[]
