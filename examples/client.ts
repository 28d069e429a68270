// npx facenet-native serve
// node --import tsx examples/client.ts http://127.0.0.1:8080 anna.jpg ben.jpg
//
// A client of `facenet-native serve`: the squared distance of two photographs, and whether they show one person. It needs nothing but
// fetch, and tries again where the server has too much to do. With an API key in FACENET_API_KEY it sends that.
import { openAsBlob } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const [address, ...photographs] = process.argv.slice(2)
if (!address || photographs.length !== 2) throw new Error('usage: client.ts <address> <photograph> <photograph>')
const key = process.env.FACENET_API_KEY

async function post<Answer>(route: string, files: readonly string[]): Promise<Answer> {
  for (;;) {
    const body = new FormData()
    for (const [i, file] of files.entries()) body.append(`image${i}`, await openAsBlob(file))
    const headers = key ? { authorization: `Bearer ${key}` } : undefined
    const response = await fetch(new URL(route, address), { method: 'POST', body, headers })
    if (response.status === 503) {
      await setTimeout(1000 * Number(response.headers.get('retry-after')))
      continue
    }
    const answer = (await response.json()) as Answer & { error?: { code: string; message: string; requestId: string } }
    if (answer.error) throw new Error(`${answer.error.message} (${answer.error.code}, request ${answer.error.requestId})`)
    return answer
  }
}

interface Verdict {
  distance: number
  threshold: number | null
  same: boolean | null
}

const { distance, threshold, same } = await post<Verdict>('/v1/verify', photographs)
const verdict = same === null ? 'no threshold is known' : same ? 'the same person' : 'different people'
console.log(`${verdict}: squared distance ${distance.toFixed(4)}, threshold ${threshold}`)
