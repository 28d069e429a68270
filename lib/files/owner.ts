/**
 * Which process a file belongs to, as a part of its name or its text, so that what a killed process left can be told from what a
 * running one is at work on.
 *
 *     <machine, 8 hex digits>-<process id>-<when it started, in ticks since the machine's start; 0 where that is not known>
 */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

const pattern = /^([0-9a-f]{8})-(\d{1,10})-(\d{1,20})$/

/** Containers have their own numbers of processes: to another one its processes look as if they had ended. */
const machine = createHash('sha256')
  .update([hostname(), orNothing(() => readFileSync('/etc/machine-id', 'utf8')), processSpace()].join('\n'))
  .digest('hex')
  .slice(0, 8)

/** Of this process. */
export const owner = `${machine}-${process.pid}-${startOf(process.pid)}`

/** Whether the process that has this name is here and has ended; undefined where that cannot be known. */
export function hasEnded(other: string): boolean | undefined {
  const [, place, pid, start] = pattern.exec(other) ?? []
  if (place !== machine) return undefined
  if (!isRunning(Number(pid))) return true
  // Numbers come again, and in a container soon: 1 is the first of each.
  const started = startOf(Number(pid))
  return started !== '0' && start !== '0' && started !== start
}

/** Its number, for people. */
export const processId = (other: string): string => pattern.exec(other)?.[2] ?? 'unknown'

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Field 22 of /proc/<pid>/stat; the name before it may hold blanks and brackets. */
function startOf(pid: number): string {
  const stat = orNothing(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0'
}

function processSpace(): string {
  return orNothing(() => readlinkSync('/proc/self/ns/pid'))
}

function orNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
