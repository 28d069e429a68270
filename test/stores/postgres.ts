/** A real PostgreSQL with pgvector, in a root that `scripts/postgres-root.sh` has made: a server of its own, with a password. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import type { PgClient } from '../../lib/stores/pgvector.js'

const password = 'hunter2'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** As the user postgres: the server does not run as root. */
export async function startPostgres(root: string): Promise<AsyncDisposable & { client: PgClient }> {
  const [version] = readdirSync(join(root, 'usr/lib/postgresql'))
  const bin = `/usr/lib/postgresql/${version}/bin`
  const data = `/tmp/facenet-postgres-${process.pid}`
  const within = (...words: string[]) => ['--userspec=postgres:postgres', root, ...words]
  const made = spawnSync(
    'chroot',
    within(
      'sh',
      '-c',
      `echo ${password} > ${data}.pw && ${bin}/initdb -A scram-sha-256 --pwfile=${data}.pw -D ${data}`,
    ),
  )
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr ?? made.error}`)
  const port = await freePort()
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off']
  const server = spawn('chroot', within(`${bin}/postgres`, '-D', data, '-p', `${port}`, ...settings), {
    stdio: 'ignore',
  })
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', password })
  pool.on('error', () => {}) // The server ends before the pool.
  for (let tries = 0; ; tries++) {
    const answer = await pool.query('SELECT 1').catch((error: Error) => error)
    if (!(answer instanceof Error)) break
    if (tries > 100) throw answer
    await setTimeout(100)
  }
  return {
    client: pool as PgClient,
    async [Symbol.asyncDispose]() {
      await pool.end()
      server.kill('SIGINT')
      await once(server, 'exit')
      await rm(join(root, data), { recursive: true })
      await rm(join(root, `${data}.pw`))
    },
  }
}
