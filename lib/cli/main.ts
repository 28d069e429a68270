#!/usr/bin/env node
/**
 * The command `facenet-native`. Results go to stdout, everything else to stderr.
 * Exit codes: 0 done, 1 failed or partly failed, 2 wrong usage, 130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP.
 */
import { FaceNetError } from '../errors.js'
import { discardAll } from '../files/temporary.js'
import { printable } from './common/printable.js'
import { watchStandardStreams } from './common/standard_output.js'
import { errorLine, PartialFailure } from './context.js'
import { dispatch } from './dispatch.js'
import { UsageError } from './usage_error.js'

/** 128 and the signal's number, as shells count. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

async function main(): Promise<number> {
  const stop = new AbortController()
  let stopped: number | undefined
  for (const [signal, code] of Object.entries(exitCodes)) {
    // The first asks the command to end; the second ends it. Neither leaves temporary files.
    process.on(signal, () => {
      if (stopped !== undefined) process.exit(code)
      stopped = code
      stop.abort()
    })
  }
  process.on('exit', discardAll)
  watchStandardStreams((error) => process.exit(report(error, undefined)))
  try {
    await dispatch(process.argv.slice(2), stop.signal)
    return 0
  } catch (error) {
    return report(error, stopped)
  }
}

function report(error: unknown, stopped: number | undefined): number {
  if (error instanceof PartialFailure) return 1
  if (error instanceof UsageError) {
    process.stderr.write(
      `error: ${printable(error.message)}\nRun facenet-native --help, or facenet-native <command> --help.\n`,
    )
    return 2
  }
  if (stopped !== undefined && error instanceof FaceNetError && error.code === 'ERR_FACENET_ABORTED') {
    process.stderr.write(stopped === exitCodes.SIGINT ? 'interrupted\n' : 'terminated\n')
    return stopped
  }
  process.stderr.write(`error: ${printable(errorLine(error))}\n`)
  return 1
}

process.exitCode = await main()
