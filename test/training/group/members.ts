/** Groups whose members are all of this process. */
import { createServer } from 'node:net'
import * as assert from 'uvu/assert'
import { type Group, type GroupOptions, joinGroup } from '../../../lib/training/index.js'

/** One that nobody listens at now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

export async function join(worldSize: number, options: Partial<GroupOptions> = {}): Promise<Group[]> {
  const port = options.port ?? (await freePort())
  const ranks = Array.from({ length: worldSize }, (_, rank) => rank)
  return Promise.all(ranks.map((rank) => joinGroup({ rank, worldSize, address: '127.0.0.1', port, ...options })))
}

export async function fails(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await work.then(
    () => assert.unreachable('it did not fail'),
    (reason) => reason,
  )
  assert.is(error.code, code, error.message)
  assert.match(error.message, message)
}
