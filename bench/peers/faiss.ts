/** faiss in a process of its own, which searches when it is asked to, so that rounds take turns with others. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface FaissRound {
  seconds: number
  /** k per query. */
  indices: number[]
}

export interface Faiss {
  version: string
  /** The first `queries` queries, split over so many threads. */
  round(threads: number, queries: number): Promise<FaissRound>
  close(): void
}

/** Undefined, with a line that says why, where this Python has no faiss. `command` runs Python, with what stands before it. */
export async function startFaiss(
  command: readonly string[],
  script: string,
  files: readonly string[],
  options: { dimensions: number; k: number },
): Promise<Faiss | undefined> {
  const [program, ...words] = command
  const args = [...words, script, ...files, '--dimensions', `${options.dimensions}`, '--k', `${options.k}`]
  const child = spawn(program!, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OPENBLAS_CORETYPE: 'SkylakeX', OPENBLAS_NUM_THREADS: '1' },
  })
  child.on('error', () => {})
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => {
    const { done, value } = await lines.next()
    return done ? undefined : JSON.parse(value)
  }
  const hello = await next()
  if (!hello) {
    console.error('without faiss: this Python cannot import it')
    return undefined
  }
  return {
    version: hello.faiss,
    async round(threads, queries) {
      child.stdin.write(`${JSON.stringify({ threads, queries })}\n`)
      const answer: FaissRound | undefined = await next()
      if (!answer) throw new Error('faiss ended')
      return answer
    },
    close: () => child.stdin.end(),
  }
}

export const faissScript = fileURLToPath(new URL('./faiss_search.py', import.meta.url))
