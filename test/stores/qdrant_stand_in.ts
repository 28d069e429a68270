/**
 * A server that speaks as much of Qdrant's REST protocol as the adapter uses, in this process, after the documents at
 * https://api.qdrant.tech: paths, bodies, the envelope of answers, status codes, and ids that are UUIDs or whole numbers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Point {
  id: string | number
  vector: number[]
  payload: Record<string, unknown>
}
interface Collection {
  size: number
  distance: string
  points: Map<string | number, Point>
  indexed: Set<string>
}
type Body = Record<string, unknown>
interface Filter {
  must?: { key: string; match: { value: unknown } }[]
}

/** What a request is answered with. */
class Refusal extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message)
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export class QdrantStandIn {
  readonly collections = new Map<string, Collection>()
  /** Methods and paths that were asked for, in order. */
  readonly asked: string[] = []
  /** Called before a request is answered; it may destroy its connection. */
  onRequest: (request: IncomingMessage, response: ServerResponse) => boolean = () => false
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  constructor(readonly apiKey?: string) {}

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://stand-in')
    this.asked.push(`${request.method} ${url.pathname}`)
    if (this.onRequest(request, response)) return
    const send = (code: number, content: object) => {
      response.writeHead(code, { 'content-type': 'application/json' })
      response.end(JSON.stringify(content))
    }
    try {
      if (this.apiKey !== undefined && request.headers['api-key'] !== this.apiKey) {
        response.writeHead(401).end('Must provide an API key or an Authorization bearer token')
        return
      }
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString('utf8')
      const result = this.#do(request.method!, url, text === '' ? {} : (JSON.parse(text) as Body))
      send(200, { result, status: 'ok', time: 0.0001 })
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 400
      send(code, { status: { error: (error as Error).message }, time: 0 })
    }
  }

  #do(method: string, url: URL, body: Body): unknown {
    const [, name, ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent) as [string, string, ...string[]]
    const what = `${method} ${rest.join('/')}`.trim()
    if (what === 'GET exists') return { exists: this.collections.has(name) }
    if (what === 'PUT') return this.#create(name, body)
    const found = this.collections.get(name)
    if (!found) throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`)
    switch (what) {
      case 'PUT index':
        found.indexed.add(String(body.field_name))
        return { operation_id: 1, status: 'completed' }
      case 'PUT points':
        return this.#upsert(found, body.points as Point[])
      case 'POST points':
        return (body.ids as Point['id'][]).flatMap((id) => this.#shown(found.points.get(id), body))
      case 'POST points/payload':
        for (const id of body.points as Point['id'][]) Object.assign(found.points.get(id)!.payload, body.payload)
        return { operation_id: 3, status: 'completed' }
      case 'POST points/delete':
        for (const { id } of this.#chosen(found, body)) found.points.delete(id)
        return { operation_id: 4, status: 'completed' }
      case 'POST points/count':
        return { count: this.#chosen(found, body).length }
      case 'POST points/scroll':
        return this.#scroll(found, body)
      case 'POST points/query/batch':
        return (body.searches as Body[]).map((search) => ({ points: this.#query(found, search) }))
      case 'POST facet':
        return { hits: this.#facet(found, String(body.key)) }
      default:
        throw new Refusal(404, `no route ${what}`)
    }
  }

  #create(name: string, { vectors }: Body): boolean {
    if (this.collections.has(name)) {
      throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`)
    }
    const { size, distance } = vectors as { size: number; distance: string }
    this.collections.set(name, { size, distance, points: new Map(), indexed: new Set() })
    return true
  }

  #upsert({ size, points }: Collection, given: Point[]) {
    for (const { id, vector } of given) {
      if (!Number.isSafeInteger(id) && !uuid.test(String(id))) {
        throw new Refusal(400, `Format error in JSON body: value ${id} is not a valid point ID`)
      }
      if (vector.length !== size) {
        throw new Refusal(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${vector.length}`)
      }
    }
    for (const point of given) points.set(point.id, structuredClone(point))
    return { operation_id: 2, status: 'completed' }
  }

  #shown(point: Point | undefined, { with_payload = true, with_vector = false }: Body) {
    if (!point) return []
    const { id, payload, vector } = point
    return [{ id, ...(with_payload === true && { payload }), ...(with_vector === true && { vector }) }]
  }

  #chosen({ points }: Collection, { points: ids, filter }: Body): Point[] {
    if (ids) return (ids as Point['id'][]).flatMap((id) => points.get(id) ?? [])
    const { must = [] } = (filter ?? {}) as Filter
    return [...points.values()].filter(({ payload }) => must.every(({ key, match }) => payload[key] === match.value))
  }

  #scroll(found: Collection, body: Body) {
    const all = this.#chosen(found, { filter: body.filter }).sort((a, b) => (a.id < b.id ? -1 : 1))
    const from = body.offset === undefined ? 0 : all.findIndex(({ id }) => id >= (body.offset as string))
    const page = all.slice(from, from + (body.limit as number))
    const next = all[from + page.length]?.id ?? null
    return { points: page.flatMap((point) => this.#shown(point, body)), next_page_offset: next }
  }

  #query({ points }: Collection, { query, limit }: Body) {
    const row = query as number[]
    const scored = [...points.values()].map((point) => ({
      ...point,
      score: Math.sqrt(row.reduce((sum, value, i) => sum + (value - point.vector[i]!) ** 2, 0)),
    }))
    return scored
      .sort((a, b) => a.score - b.score)
      .slice(0, limit as number)
      .map(({ id, score, payload }) => ({ id, version: 1, score, payload }))
  }

  #facet({ points, indexed }: Collection, key: string) {
    if (!indexed.has(key)) throw new Refusal(400, `Bad request: Index required but not found for "${key}"`)
    const counts = new Map<unknown, number>()
    for (const { payload } of points.values()) {
      if (payload[key] != null) counts.set(payload[key], (counts.get(payload[key]) ?? 0) + 1)
    }
    return [...counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || (String(a.value) < String(b.value) ? -1 : 1))
  }
}
