/** The least of a tar writer, to make archives of every kind, also wrong ones. */
type Content = string | { kind: string; data: string }

/** A 512-byte ustar header. `fields` overrides what is written. */
export function tarHeader(name: string, size: number, kind: string, fields: { prefix?: string; size?: string } = {}) {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write(fields.size ?? `${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('        ', 148)
  header.write(kind, 156)
  header.write('ustar\x0000', 257)
  header.write(fields.prefix ?? '', 345, 155)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** An archive, with the two empty blocks at its end where `end` is true. */
export function tarOf(entries: Record<string, Content>, end = true): Buffer {
  const parts: Buffer[] = []
  for (const [name, content] of Object.entries(entries)) {
    const { kind, data } = typeof content === 'string' ? { kind: '0', data: content } : content
    const bytes = Buffer.from(data)
    parts.push(tarHeader(name, bytes.length, kind), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  if (end) parts.push(Buffer.alloc(1024))
  return Buffer.concat(parts)
}
