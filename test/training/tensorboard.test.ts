/** Event files, parsed back by a reader that shares nothing with the writer, and against known bytes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { crc32c, EventWriter, masked, record } from '../../lib/training/tensorboard.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-events-'))
test.after(() => rm(folder, { recursive: true }))

test('checksums are those of RFC 3720', () => {
  assert.is(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.is(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c)
})

test('a record of a known event has its known bytes', () => {
  // The first record of every event file is this but for the time, here 1970: lengths, masks and all.
  const data = Buffer.from('0900000000000000001a0d627261696e2e4576656e743a32', 'hex')
  assert.is(data.length, 24)
  const bytes = record(data)
  // The checksum of the length 24 is the same in every TensorBoard file.
  assert.is(bytes.subarray(0, 12).toString('hex'), '1800000000000000a37f4b22')
  assert.is(bytes.readUInt32LE(36), masked(crc32c(data)))
})

test('scalars come back with their tags and steps; what is no number is left out', async () => {
  const writer = await EventWriter.create(folder, 1_700_000_000_500)
  assert.match(writer.path, /events\.out\.tfevents\.1700000000\./)
  await writer.write(1, { loss: 0.25, rate: Number.NaN, accuracy: null, active: undefined })
  await writer.write(300_000, { loss: -1.5, 'validation/accuracy': 0.875 }, 1_700_000_001_000)
  await writer.write(4, {})
  await writer.close()
  const events = parse(await readFile(writer.path))
  assert.is(events.length, 3)
  assert.equal(events[0], { time: 1_700_000_000.5, version: 'brain.Event:2', values: [] })
  assert.equal([events[1]!.step, events[1]!.values], [1, [['loss', 0.25]]])
  assert.equal(events[2], {
    time: 1_700_000_001,
    step: 300_000,
    values: [
      ['loss', -1.5],
      ['validation/accuracy', 0.875],
    ],
  })
})

interface Event {
  time?: number
  step?: number
  version?: string
  values: [string, number][]
}

function parse(file: Buffer): Event[] {
  const events: Event[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at))
    assert.is(unmask(file.readUInt32LE(at + 8)), bitwise(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    assert.is(unmask(file.readUInt32LE(at + 12 + length)), bitwise(data))
    at += 16 + length
    const event: Event = { values: [] }
    for (const [field, value] of fields(data)) {
      if (field === 1) event.time = (value as Buffer).readDoubleLE()
      if (field === 2) event.step = value as number
      if (field === 3) event.version = String(value)
      if (field === 5) {
        for (const [, each] of fields(value as Buffer)) {
          const [[, tag], [, simple]] = fields(each as Buffer) as [[number, Buffer], [number, Buffer]]
          event.values.push([String(tag), simple.readFloatLE()])
        }
      }
    }
    events.push(event)
  }
  return events
}

function fields(data: Buffer): [number, number | Buffer][] {
  const found: [number, number | Buffer][] = []
  let at = 0
  const varint = () => {
    let [value, scale] = [0, 1]
    for (; ; scale *= 128) {
      const byte = data[at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  while (at < data.length) {
    const tag = varint()
    const kind = tag & 7
    if (kind === 0) found.push([tag >> 3, varint()])
    else {
      const length = kind === 1 ? 8 : kind === 5 ? 4 : varint()
      found.push([tag >> 3, data.subarray(at, at + length)])
      at += length
    }
  }
  return found
}

const unmask = (value: number) => {
  const turned = (value - 0xa282ead8) >>> 0
  return ((turned >>> 17) | (turned << 15)) >>> 0
}

/** The same checksum a bit at a time. */
function bitwise(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

test.run()
