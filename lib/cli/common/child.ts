import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { FaceNetError } from '../../errors.js'

/** Runs Node with these arguments in `folder`, what it prints going to our `output`. Rejects where it fails. */
export async function runNode(
  args: string[],
  folder: string,
  output: 'stdout' | 'stderr',
  signal: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const stdio = ['ignore', output === 'stdout' ? 1 : 2, 2] as const
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: [...stdio],
    env: { ...process.env, ...environment },
  })
  const stop = () => void child.kill('SIGINT')
  signal.addEventListener('abort', stop, { once: true })
  const [code] = (await once(child, 'exit').finally(() => signal.removeEventListener('abort', stop))) as [number | null]
  if (signal.aborted) throw new FaceNetError('ERR_FACENET_ABORTED', 'The operation was aborted')
  if (code !== 0) throw new FaceNetError('ERR_FACENET_INTERNAL', `${args.join(' ')} ended with code ${code}`)
}
