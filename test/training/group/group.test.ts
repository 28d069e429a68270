/** Processes that find each other and compute of all their values; here a group's members are of one process. */
import { createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type GroupOptions, joinGroup } from '../../../lib/training/index.js'
import { normals, seeded } from '../../support/random.js'
import { fails, freePort, join } from './members.js'

test('values are summed with the same bits everywhere, by as many bytes as it takes', async () => {
  for (const size of [1, 2, 3, 5]) {
    const groups = await join(size)
    for (const count of [0, 1, 4, 1001]) {
      const values = groups.map((_, rank) => normals(count, seeded(rank)))
      const expected = Array.from({ length: count }, (_, i) => values.reduce((sum, each) => sum + each[i]!, 0))
      const before = groups.map((group) => group.sentBytes)
      await Promise.all(groups.map((group, rank) => group.sum(values[rank]!)))
      for (const each of values) assert.equal(each, values[0])
      for (const [i, value] of values[0]!.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-5)
      const sent = groups.map((group, rank) => group.sentBytes - before[rank]!)
      const least = (2 * (size - 1) * 4 * count) / size
      // Beside the values: a header of 8 bytes an exchange, and a sign of life now and then.
      for (const bytes of sent) assert.ok(bytes >= least - 8 && bytes <= least + 8 + 8 * 2 * size + 80, `${bytes}`)
    }
    await Promise.all(groups.map((group) => group.close()))
  }
})

test('bytes of any length are gathered by rank, and rank 0 is heard by all', async () => {
  const groups = await join(4)
  const said = (rank: number) => Buffer.from(String(rank).repeat(rank * rank))
  const gathered = await Promise.all(groups.map((group) => group.gather(said(group.rank))))
  const texts = [0, 1, 2, 3].map((rank) => said(rank).toString())
  for (const all of gathered)
    assert.equal(
      all.map((bytes) => Buffer.from(bytes).toString()),
      texts,
    )
  const heard = await Promise.all(groups.map((group) => group.fromFirst({ from: group.rank })))
  assert.equal(heard, Array(4).fill({ from: 0 }))
  // In good order, whoever comes first.
  for (const group of groups.reverse()) await group.close()
})

test('values that are not as many everywhere are an error everywhere', async () => {
  const groups = await join(2)
  const results = await Promise.allSettled(groups.map((group, rank) => group.sum(new Float32Array(10 + rank))))
  for (const { status } of results) assert.is(status, 'rejected')
  for (const group of groups) await group.close()
})

test('where one fails, all calls of the others end by ERR_FACENET_PEER_LOST, then and later', async () => {
  const groups = await join(3)
  const values = () => new Float32Array(8)
  const waiting = [groups[0]!, groups[1]!].map((group) => group.sum(values()))
  groups[2]!.fail(new (await import('../../../lib/index.js')).FaceNetError('ERR_FACENET_INTERNAL', 'it went wrong'))
  for (const call of waiting) await fails(call, 'ERR_FACENET_PEER_LOST', /Rank \d is lost: .*--resume, in any number/)
  for (const group of groups.slice(0, 2)) await fails(group.gather(Buffer.of(1)), 'ERR_FACENET_PEER_LOST', /lost/)
  await fails(groups[2]!.sum(values()), 'ERR_FACENET_INTERNAL', /went wrong/)
})

const wrong: [name: string, others: Partial<GroupOptions>[], message: RegExp][] = [
  ['another number of processes', [{ worldSize: 3 }], /rank 1 counts 3 processes, rank 0 2/],
  ['two of one rank', [{ worldSize: 3 }, { worldSize: 3, rank: 1 }], /there are two of rank 1/],
  ['another network', [{ what: 'nn2' }], /rank 1 trains nn2, rank 0 nothing known/],
]
for (const [name, others, message] of wrong) {
  test(`${name} is told to all`, async () => {
    const port = await freePort()
    const first = { rank: 0, worldSize: 2, address: '127.0.0.1', port, ...(others.length > 1 && { worldSize: 3 }) }
    const calls = [first, ...others.map((other) => ({ ...first, rank: 1, ...other }))].map((options) =>
      joinGroup(options),
    )
    const results = await Promise.allSettled(calls)
    for (const result of results) {
      assert.is(result.status, 'rejected')
      const { reason } = result as PromiseRejectedResult
      assert.is(reason.code, 'ERR_FACENET_INVALID_ARGUMENT')
      assert.match(reason.message, message)
    }
  })
}

test('a port in use, somebody who does not come, and strangers', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const first = { rank: 0, worldSize: 2, address: '127.0.0.1', port }
  await fails(joinGroup(first), 'ERR_FACENET_IO', /another process listens there.*MASTER_PORT a free port/)
  server.close()

  const late = { ...first, port: await freePort(), timeout: 300 }
  await fails(joinGroup(late), 'ERR_FACENET_PEER_LOST', /A process of 2 is lost: it did not come within 0\.3 s/)
  await fails(joinGroup({ ...late, rank: 1 }), 'ERR_FACENET_PEER_LOST', /Rank 0, at 127\.0\.0\.1:\d+, is lost/)
  const stopped = AbortSignal.abort()
  await fails(joinGroup({ ...late, signal: stopped }), 'ERR_FACENET_ABORTED', /abort/i)

  const meeting = await freePort()
  const groups = join(2, { port: meeting })
  const { connect } = await import('node:net')
  const stranger = connect(meeting, '127.0.0.1', () => stranger.write('GET / HTTP/1.1\n\n'))
  stranger.on('error', () => {})
  for (const group of await groups) await group.close()
  stranger.destroy()
})

test('what the environment does not say is asked for by name', async () => {
  const named = ['RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT']
  const before = named.map((name) => process.env[name])
  const set = (values: (string | undefined)[]) => {
    for (const [i, name] of named.entries()) {
      if (values[i] === undefined) delete process.env[name]
      else process.env[name] = values[i]
    }
  }
  try {
    for (const [values, message] of [
      [[], /WORLD_SIZE/],
      [['0', 'two'], /integer from 1 to 1024.*WORLD_SIZE but received two/],
      [['2', '2'], /0\.\.1 for RANK|from 0 to 1.*RANK/],
      [['0', '2'], /MASTER_ADDR/],
      [['0', '2', '127.0.0.1', '70000'], /MASTER_PORT/],
    ] as const) {
      set([...values])
      await fails(joinGroup(), 'ERR_FACENET_INVALID_ARGUMENT', message)
    }
    set(['0', '1'])
    const alone = await joinGroup()
    assert.equal([alone.rank, alone.worldSize], [0, 1])
    await alone.sum(Float32Array.of(1))
  } finally {
    set(before)
  }
})

test.run()
