/** What goes wrong with a store, said without what is secret. */
import { FaceNetError } from '../errors.js'

/** What a database or a server said, without passwords and keys; `secrets` are those that are known. */
export function storeError(place: string, cause: unknown, secrets: readonly string[] = []): FaceNetError {
  if (cause instanceof FaceNetError) return cause
  const said = withoutSecrets(cause instanceof Error ? messageOf(cause) : String(cause), secrets)
  const message =
    `Cannot use ${place}: ${said}. What this call was to change is there as a whole or not at all, unless its document says ` +
    'otherwise: look, and call again'
  const details = { argument: place, expected: 'a store that answers', received: said, cause: new Error(said) }
  return new FaceNetError('ERR_FACENET_IO', message, details)
}

/** Of a failure of fetch the reason is in its cause; of a database's the code tells more than some messages. */
function messageOf(error: Error): string {
  const { code } = error as { code?: unknown }
  const inner = error.cause instanceof Error ? `: ${messageOf(error.cause)}` : ''
  const coded = typeof code === 'string' && !error.message.includes(code) ? ` (${code})` : ''
  return `${error.message || error.name}${coded}${inner}`
}

/** In addresses and in settings, and wherever a known one stands. */
export function withoutSecrets(text: string, secrets: readonly string[] = []): string {
  let clean = text
    .replace(/(\w+:\/\/)[^\s/@]*@/g, '$1***@')
    .replace(/((?:password|passwd|pwd|api[-_]?key|token)["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi, '$1***')
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '***')
  return clean
}
