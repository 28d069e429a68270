/** Part of a source, so that several machines or processes share it. */
import type { SourceImage } from './source.js'

/** The `index`-th of `count` equal parts, counted from 1. */
export interface Shard {
  index: number
  count: number
}

/** Every `count`-th image from the `index`-th on: the shards of a source have every image once. */
export async function* ofShard(images: AsyncIterable<SourceImage>, shard: Shard): AsyncGenerator<SourceImage> {
  let place = 0
  for await (const image of images) {
    if (place === shard.index - 1) yield image
    place = (place + 1) % shard.count
  }
}

/** Those that are not yet done; `done` counts them by their paths, and is used up. */
export async function* notYetDone(
  images: AsyncIterable<SourceImage>,
  done: Map<string, number>,
): AsyncGenerator<SourceImage> {
  for await (const image of images) {
    const times = done.get(image.path) ?? 0
    if (times === 0) yield image
    else done.set(image.path, times - 1)
  }
}
