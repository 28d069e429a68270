#!/usr/bin/env node
/**
 * The `facenet` command. Results go to stdout, everything else to stderr.
 * Exit codes: 0 done, 1 failed or partly failed, 2 wrong usage, 130 interrupted.
 */
import { FaceNetError } from '../errors.js'
import { errorLine, PartialFailure, UsageError } from './context.js'
import { dispatch } from './dispatch.js'

async function main(): Promise<number> {
  const interrupt = new AbortController()
  process.on('SIGINT', () => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort()))
  // A reader that closes early, as `head` does, ends the command quietly.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    await dispatch(process.argv.slice(2), interrupt.signal)
    return 0
  } catch (error) {
    return report(error, interrupt.signal)
  }
}

function report(error: unknown, interrupted: AbortSignal): number {
  if (error instanceof PartialFailure) return 1
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\nRun facenet --help, or facenet <command> --help.\n`)
    return 2
  }
  if (interrupted.aborted && error instanceof FaceNetError && error.code === 'ERR_FACENET_ABORTED') {
    process.stderr.write('interrupted\n')
    return 130
  }
  process.stderr.write(`error: ${errorLine(error)}\n`)
  return 1
}

process.exitCode = await main()
