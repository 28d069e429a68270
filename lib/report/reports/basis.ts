/** What all reports have in common: what they are of, their headlines and sections, the map, the pictures. */
import type { FaceLoader, Faces } from '../faces.js'
import { counted } from '../format.js'
import type { Content } from '../html.js'
import { type Headline, page, type Section } from '../page.js'
import { type MapInput, mapSection } from '../sections/map.js'
import { trainingSection } from '../sections/training.js'
import type { Progress } from '../training_progress.js'

/** What all reports need. */
export interface ReportBasis {
  /** What the model is called. */
  model: string
  /** The command, without paths. */
  command: string
  /** How it was measured: terms and what they are. */
  facts: readonly (readonly [string, string])[]
  /** Gives the pictures of faces; `loadFaces` makes one. */
  loadFace: FaceLoader
  /** Embeddings for a map of the faces; left out: the report has no map. */
  map?: MapInput
  /** Progress of the run that trained the model; left out: the report has no learning curve. */
  training?: readonly Progress[]
  /** Aborts with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/** What a report says. */
export interface Parts {
  kicker: string
  title: string
  lead: Content
  headlines: readonly Headline[]
  sections: readonly Section[]
}

/** Adds what every report may have, and the pictures once all sections have asked for theirs. */
export async function assemble(report: ReportBasis, faces: Faces, parts: Parts): Promise<string> {
  const map = report.map && (await mapSection(report.map, faces, report.signal))
  const sections = [...parts.sections]
  if (map) sections.push(map)
  if (report.training) sections.push(trainingSection(report.training))
  const missing = faces.missing
  const facts = [...report.facts]
  if (missing > 0)
    facts.push(['Pictures', `${counted(missing, 'face')} could not be read again and are hatched squares`])
  return page({
    ...parts,
    kicker: `${report.command} · ${parts.kicker}`,
    sections,
    facts,
    faceStyle: await faces.css(),
  })
}
