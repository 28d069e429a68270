/** Peers in a process of their own, which work when they are asked to, so that rounds take turns: a line of JSON each way. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Peer<Hello, Answer> {
  /** What it said of itself when it was ready. */
  hello: Hello
  ask(question: unknown): Promise<Answer>
  close(): void
}

/** Undefined, with a line that says why, where it cannot begin. `command`: a program and its arguments. */
export async function startPeer<Hello, Answer>(
  command: readonly string[],
  environment: Record<string, string> = {},
): Promise<Peer<Hello, Answer> | undefined> {
  const [program, ...args] = command
  const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } })
  child.on('error', (error) => console.error(`without a peer: ${error.message}`))
  child.stdin.on('error', () => {})
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => {
    const { done, value } = await lines.next()
    return done ? undefined : JSON.parse(value)
  }
  const hello: Hello | undefined = await next()
  if (!hello) {
    console.error(`without a peer: ${command.join(' ')} ended`)
    return undefined
  }
  return {
    hello,
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const answer: Answer | undefined = await next()
      if (!answer) throw new Error(`${command.join(' ')} ended`)
      return answer
    },
    close: () => child.stdin.end(),
  }
}
