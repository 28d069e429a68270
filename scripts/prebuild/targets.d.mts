export interface Target {
  name: string
  os: string
  cpu: string
  libc?: 'glibc' | 'musl'
  glibc?: string
  triple?: string
  flags?: string[]
  onednn?: boolean
  cuda?: string[]
  tested: boolean
}
export const targets: readonly Target[]
