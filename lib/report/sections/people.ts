/** The people of a gallery as contact sheets that are edited in the browser: names, merges, rejections, and who faces are. */
import type { Faces } from '../faces.js'
import { count, counted } from '../format.js'
import { type Content, Html, html } from '../html.js'
import type { Section } from '../page.js'

/** A face of a gallery, as a report shows it. */
export interface PeopleFace {
  /** What it is called in the gallery, and by what `loadFace` knows it. */
  id: string
  /** What is read out and shown of it, as the name of its photograph. */
  label: string
}

/** A person of a gallery, as a report shows it. */
export interface ShownPerson {
  /** The name, or `person-12`. */
  person: string
  /** Null where nobody has given one. */
  name: string | null
  /** All faces. */
  faces: number
  /** Clustering puts nobody to a locked person. */
  locked: boolean
  /** Hidden people are listed only where they are asked for. */
  hidden: boolean
  /** Faces that are shown. */
  shown: readonly PeopleFace[]
}

/** The people of a gallery, and faces that are nobody's. */
export interface PeopleShown {
  /** Those that are shown. */
  people: readonly ShownPerson[]
  /** How many there are. */
  all: number
  /** Faces of nobody that are shown. */
  nobody: readonly PeopleFace[]
  /** How many faces are nobody's. */
  unassigned: number
}

const checked = (is: boolean) => (is ? new Html(' checked') : '')

export async function peopleSections(
  { people, all, nobody, unassigned }: PeopleShown,
  faces: Faces,
): Promise<Section[]> {
  await faces.add([...people.flatMap(({ shown }) => shown), ...nobody].map(({ id }) => id))
  const more = all > people.length ? ` The ${count(people.length)} with most faces are shown.` : ''
  return [
    {
      id: 'people',
      title: 'People',
      body: html`<p class="text">Write a name; write the name of another person to make the two one; tick faces that are somebody else's.${more} What is changed
here is in no gallery until it is saved and applied: <code>facenet gallery apply people.db edits.json</code>.</p>
<p class="edits"><button type="button" id="save-edits" disabled>Save edits</button> <output id="edit-count">Nothing is changed.</output></p>
<datalist id="known-people">${people.map(({ person }) => html`<option value="${person}"></option>`)}</datalist>
<ol class="clusters people">${people.map((person) => sheet(person, faces))}</ol>`,
    },
    {
      id: 'nobody',
      title: "Nobody's faces",
      body: html`<p class="text">${counted(unassigned, 'face')} of which nobody has said whose they are.${
        unassigned > nobody.length ? ` ${count(nobody.length)} are shown.` : ''
      } Write whose a face is: a name that is there, or a new one.</p>
<ul class="nobody">${nobody.map(
        (face) =>
          html`<li>${faces.picture(face.id, face.label)}<input class="whose" list="known-people" data-face="${face.id}" aria-label="Whose face: ${face.label}"></li>`,
      )}</ul>`,
    },
  ]
}

function sheet({ person, name, faces: size, locked, hidden, shown }: ShownPerson, faces: Faces): Content {
  const rest = size - shown.length
  return html`<li class="plate person" data-person="${person}">
<input class="name" list="known-people" value="${name ?? ''}" placeholder="${person}" aria-label="Name of ${person}">
<small>${counted(size, 'face')}</small>
<ul class="sheet">${shown.map(
    (face) =>
      html`<li><label title="${face.label}"><input type="checkbox" class="reject" data-face="${face.id}" aria-label="Somebody else: ${face.label}">${faces.picture(face.id)}</label></li>`,
  )}${rest > 0 ? html`<li class="more">and ${count(rest)} more</li>` : ''}</ul>
<p><label class="switch"><input type="checkbox" class="lock"${checked(locked)}>locked</label> <label class="switch"><input type="checkbox" class="hide"${checked(hidden)}>hidden</label></p></li>
`
}
