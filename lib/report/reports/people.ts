/** The report of a gallery, as the text of an HTML file: its people, to be edited. */
import { Faces } from '../faces.js'
import { count, counted } from '../format.js'
import { type PeopleShown, peopleSections } from '../sections/people.js'
import { assemble, type ReportBasis } from './basis.js'

/** A report of a gallery. */
export interface PeopleReport extends Omit<ReportBasis, 'map' | 'training'> {
  /** Who is shown. */
  people: PeopleShown
}

/**
 * The text of an HTML report of a gallery, in which people are named, made one, locked and hidden, and faces are said to be somebody
 * else's. It saves what was changed as a JSON that `gallery.apply` and `facenet gallery apply` take.
 *
 * @param report whom to show.
 *
 * @example
 * ```ts
 * const shown = [{ id: 'anna-1', label: 'anna.jpg' }]
 * const anna = { person: 'Anna', name: 'Anna', faces: 1, locked: false, hidden: false, shown }
 * const page = await peopleReport({
 *   model: 'a model',
 *   command: 'facenet gallery report',
 *   facts: [],
 *   loadFace,
 *   people: { people: [anna], all: 1, nobody: [], unassigned: 0 },
 * })
 * ```
 */
export async function peopleReport(report: PeopleReport): Promise<string> {
  const { people } = report
  const faces = new Faces(report.loadFace, report.signal)
  const assigned = people.people.reduce((sum, person) => sum + person.faces, 0)
  return assemble(report, faces, {
    kicker: 'people',
    title: counted(people.all, 'person', 'people'),
    lead: 'Names, merges and faces of somebody else are saved as a file of edits.',
    headlines: [
      { label: 'People', value: count(people.all) },
      { label: 'Faces of these people', value: count(assigned) },
      { label: "Nobody's faces", value: count(people.unassigned) },
    ],
    sections: await peopleSections(people, faces),
  })
}
