/**
 * stdout, which a reader may close early, as `head` does, and which a disk may have no room for. Lines that nobody reads any more
 * end a command that has no other result; one that also writes files goes on, as they are what was asked for.
 */
import { cannotWrite, type FaceNetError } from '../../errors.js'

let closed = false
let hasFiles = false

/** The command writes its result to files as well. */
export function resultIsInFiles(): void {
  hasFiles = true
}

/** Called once, before anything is written. `fail` says what went wrong and ends the process. */
export function watchStandardStreams(fail: (error: FaceNetError) => never): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (closed) return
    closed = true
    if (error.code !== 'EPIPE') fail(cannotWrite('stdout', 'room for the result', error))
    if (!hasFiles) process.exit(0)
    process.stderr.write('nobody reads stdout any more; the files are written all the same\n')
  })
  // Nobody can be told that nobody listens.
  process.stderr.on('error', () => {})
}

/** Resolves when there is room for more, or nobody reads. */
export async function writeStdout(text: string): Promise<void> {
  const { stdout } = process
  if (closed || stdout.write(text)) return
  await new Promise<void>((resolve) => {
    const done = () => {
      for (const event of events) stdout.off(event, done)
      resolve()
    }
    for (const event of events) stdout.on(event, done)
  })
}

const events = ['drain', 'error', 'close']
