/** `facenet gallery cluster`: photographs to the people of a gallery. */
import { openGallery } from '../../gallery/index.js'
import { printableName } from '../common/printable.js'
import { type Context, PartialFailure } from '../context.js'
import type { GalleryOptions } from '../options/gallery.js'
import { add } from './gallery_add.js'

type Given = Context<GalleryOptions>

export async function cluster(context: Given, path: string, sources: readonly string[]): Promise<void> {
  // Bad images are listed, and the others are put to people all the same.
  let failed = false
  if (sources.length > 0) {
    await add(context, path, sources).catch((error) => {
      if (!(error instanceof PartialFailure)) throw error
      failed = true
    })
  }
  const { threshold, allowMixed, linkage, minFaces } = context.options
  const { device, threads, signal } = context.opening()
  await using gallery = await openGallery(path)
  const settings = { threshold, allowMixed, linkage, minFaces, device, threads, signal }
  const { alike, ...result } = await gallery.cluster(settings)
  if (context.json) await context.print(JSON.stringify({ ...result, alike }))
  else {
    for (const { faces, person } of await gallery.people()) await context.print(`${faces}\t${printableName(person)}`)
  }
  context.say(
    `${result.joined} faces put to people who were there, ${result.founded} to ${result.people.length} new ones, ` +
      `${result.unassigned} are nobody's`,
  )
  for (const { people, distance } of alike.slice(0, 10)) {
    context.say(`${people.join(' and ')} may be one (${distance.toFixed(4)}): the edit merge makes them one`)
  }
  if (alike.length > 10) context.say(`and ${alike.length - 10} more pairs; --json lists all`)
  if (failed) throw new PartialFailure()
}
