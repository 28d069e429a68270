/**
 * Listeners of aborts. A signal that many calls share has one of ours, however many they are: Node takes more than ten for a leak, and
 * says so on stderr.
 */
const listeners = new WeakMap<AbortSignal, { all: Set<() => void>; hear: () => void }>()

/** Calls `listener` once, when the signal is aborted; returns what takes that back. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const known = listeners.get(signal) ?? listen(signal)
  known.all.add(listener)
  return () => {
    known.all.delete(listener)
    if (known.all.size > 0 || listeners.get(signal) !== known) return
    signal.removeEventListener('abort', known.hear)
    listeners.delete(signal)
  }
}

function listen(signal: AbortSignal) {
  const all = new Set<() => void>()
  const hear = () => {
    listeners.delete(signal)
    for (const each of all) each()
  }
  const made = { all, hear }
  signal.addEventListener('abort', hear, { once: true })
  listeners.set(signal, made)
  return made
}
