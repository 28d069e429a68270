/** `facenet gallery report`: the people of a gallery as a page on which they are edited. */
import type { Gallery, GalleryFace } from '../../gallery/index.js'
import { imagesOfFaces, placesOf } from '../../gallery/migrate/kept_images.js'
import type { PeopleFace, ShownPerson } from '../../report/sections/people.js'
import type { SourceImage } from '../../sources/index.js'
import type { Context } from '../context.js'
import type { GalleryOptions } from '../options/gallery.js'
import { faceLoader, shortName, writeReport } from '../report/target.js'
import { UsageError } from '../usage_error.js'

/** People that are shown, faces of each, and faces of nobody. */
const [mostPeople, mostFaces, mostNobody] = [200, 24, 96]

export async function report(context: Context<GalleryOptions>, gallery: Gallery): Promise<void> {
  const { out } = context.options
  if (!out?.toLowerCase().endsWith('.html')) throw new UsageError('--out is missing: a .html file')
  const { checkDestination } = await import('../../report/destination.js')
  await checkDestination(out)
  const { peopleReport } = await import('../../report/reports/people.js')
  const { people, all, nobody, unassigned, faces } = await chosen(gallery)
  const pictures = await picturesOf(faces, context.signal)
  const label = (id: string) => shortName(faces.get(id)!.image ?? id)
  const shown = (ids: readonly string[]): PeopleFace[] => ids.map((id) => ({ id, label: label(id) }))
  const points = gallery.preparation?.align !== 'none' && gallery.preparation?.align !== 'center'
  const loadFace = await faceLoader({ align: points ? 'detect' : gallery.preparation!.align }, (id) => {
    const image = pictures.get(id)
    return image && { read: () => image.read(), points: faces.get(id)?.face?.points ?? image.points }
  })
  await writeReport(context, { path: out }, () =>
    peopleReport({
      model: gallery.fingerprint.slice(0, 12),
      command: 'facenet gallery report',
      facts: [
        ['Faces', `${unassigned + people.reduce((sum, person) => sum + person.faces, 0)}`],
        ['Fingerprint of the model', gallery.fingerprint],
      ],
      loadFace,
      signal: context.signal,
      people: {
        people: people.map(({ shown: ids, ...person }) => ({ ...person, shown: shown(ids) })),
        all,
        nobody: shown(nobody),
        unassigned,
      },
    }),
  )
}

/** Those with most faces, hidden ones too, and the first faces of each. */
async function chosen(gallery: Gallery) {
  const all = await gallery.people({ hidden: true })
  const people = all
    .slice(0, mostPeople)
    .map(({ number: _, ...person }): Omit<ShownPerson, 'shown'> & { shown: string[] } => ({ ...person, shown: [] }))
  const of = new Map(people.map((person) => [person.person, person]))
  const faces = new Map<string, GalleryFace>()
  const nobody: string[] = []
  let unassigned = 0
  for await (const face of gallery.faces()) {
    if (face.person === null) unassigned++
    const list = face.person === null ? nobody : of.get(face.person)?.shown
    if (!list || list.length >= (face.person === null ? mostNobody : mostFaces)) continue
    list.push(face.id)
    faces.set(face.id, face)
  }
  return { people, all: all.length, nobody, unassigned, faces }
}

/** Of photographs that are there, by the ids of faces. */
async function picturesOf(
  faces: ReadonlyMap<string, GalleryFace>,
  signal: AbortSignal,
): Promise<Map<string, SourceImage>> {
  const kept = [...faces.values()].flatMap(({ id, face, image }) => (image === null ? [] : [{ id, face, image }]))
  const places = await placesOf(kept.map(({ image }) => image))
  const there = kept.filter(({ image }) => places.has(image))
  const pictures = new Map<string, SourceImage>()
  const images = imagesOfFaces(there, (path) => path, places, undefined, { signal })
  for await (const image of images) pictures.set(image.path, image)
  return pictures
}
