/** How calls share a batch: which images of each go into it, and which of its results are whose. */
import { sharedBytes, sharedFloats } from './shared_memory.js'

export type Images = Uint8Array | Float32Array

/** A call that waits for images of it to be computed. */
export interface WaitingCall {
  /** count x elements, nobody else's. */
  readonly images: Images
  readonly count: number
  /** Images that are in this batch or were in an earlier one. */
  taken: number
  /** Of the images that were computed: count x elements for each output. */
  outputs: Float32Array[] | undefined
}

/** Images of a call that are in a batch. */
export interface Part<Call extends WaitingCall> {
  call: Call
  first: number
  count: number
}

/**
 * Takes up to `most` images, evenly: each call gives as many as the others or all that it has, and where there are more calls than
 * places, those in front one each.
 */
export function takeParts<Call extends WaitingCall>(calls: readonly Call[], most: number): Part<Call>[] {
  const counts = new Map<Call, number>()
  let left = most
  let open = [...calls]
  while (left > 0 && open.length > 0) {
    const share = Math.max(1, Math.floor(left / open.length))
    for (const call of open) {
      const had = counts.get(call) ?? 0
      const more = Math.min(share, left, call.count - call.taken - had)
      if (more > 0) counts.set(call, had + more)
      left -= more
    }
    open = open.filter((call) => call.taken + (counts.get(call) ?? 0) < call.count)
  }
  return [...counts].map(([call, count]) => {
    const first = call.taken
    call.taken += count
    return { call, first, count }
  })
}

/** The images of the parts, one after the other. */
export function gather(parts: readonly Part<WaitingCall>[]): { images: Images; count: number } {
  const slices = parts.map(({ call: { images, count }, first, count: wanted }) => {
    const each = images.length / count
    return images.subarray(first * each, (first + wanted) * each)
  })
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  if (slices.length === 1) return { images: slices[0]!, count }
  const length = slices.reduce((sum, slice) => sum + slice.length, 0)
  const images = slices[0] instanceof Float32Array ? sharedFloats(length) : sharedBytes(length)
  let at = 0
  for (const slice of slices) {
    images.set(slice, at)
    at += slice.length
  }
  return { images, count }
}

/** Gives each call what was computed for it; `outputs` has the images of all parts in their order. */
export function scatter(parts: readonly Part<WaitingCall>[], outputs: Float32Array[]): void {
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  let at = 0
  for (const { call, first, count: own } of parts) {
    if (parts.length === 1 && own === call.count) {
      call.outputs = outputs
      return
    }
    const each = outputs.map((output) => output.length / count)
    call.outputs ??= each.map((elements) => new Float32Array(call.count * elements))
    for (const [i, elements] of each.entries()) {
      call.outputs[i]!.set(outputs[i]!.subarray(at * elements, (at + own) * elements), first * elements)
    }
    at += own
  }
}
