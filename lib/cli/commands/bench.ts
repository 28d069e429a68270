/** `facenet bench`: the repository's benchmark. It is not in the published package, as its peers are not. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FaceNetError } from '../../errors.js'
import loader from '../../native/load.cjs'
import { runNode } from '../common/child.js'
import type { Context } from '../context.js'
import type { BenchOptions } from '../options/files.js'

export async function run(context: Context<BenchOptions>): Promise<void> {
  const script = join('bench', 'run.ts')
  if (!existsSync(join(loader.packageRoot(), script))) {
    throw new FaceNetError('ERR_FACENET_IO', 'The benchmark needs a clone of the repository: bench/run.ts is missing')
  }
  const { threads, dtype, network } = context.options
  const args = ['--import', 'tsx', script]
  if (context.json) args.push('--json')
  if (context.quiet) args.push('--quiet')
  if (threads !== undefined) args.push(`--threads=${threads}`)
  if (context.given.has('dtype')) args.push(`--dtype=${dtype}`)
  if (network !== undefined) args.push(`--network=${network}`)
  await runNode(args, loader.packageRoot(), 'stdout', context.signal)
}
