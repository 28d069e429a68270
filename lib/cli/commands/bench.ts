/** `facenet bench`: the repository's benchmark. It is not in the published package, as its peers are not. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { networkNames } from '../../convert/networks/index.js'
import { FaceNetError } from '../../errors.js'
import { dtypes } from '../../native/check_arguments.js'
import loader from '../../native/load.cjs'
import { runNode } from '../common/child.js'
import type { Context } from '../context.js'

export async function run(context: Context): Promise<void> {
  const script = join('bench', 'run.ts')
  if (!existsSync(join(loader.packageRoot(), script))) {
    throw new FaceNetError('ERR_FACENET_IO', 'The benchmark needs a clone of the repository: bench/run.ts is missing')
  }
  const threads = context.integer('threads', 1)
  const dtype = context.oneOf('dtype', dtypes)
  const network = context.oneOf('network', networkNames)
  const args = ['--import', 'tsx', script]
  if (context.json) args.push('--json')
  if (context.quiet) args.push('--quiet')
  if (threads !== undefined) args.push(`--threads=${threads}`)
  if (dtype !== undefined) args.push(`--dtype=${dtype}`)
  if (network !== undefined) args.push(`--network=${network}`)
  await runNode(args, loader.packageRoot(), 'stdout', context.signal)
}
