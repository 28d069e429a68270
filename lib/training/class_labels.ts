/** Classes of a loss and the people that it is given. */
import { invalidArgument } from '../errors.js'
import type { FaceStore } from './faces.js'
import type { Trainer } from './trainer.js'

/** Throws where the loss has a class without a face, whose weights would only be pushed away from everybody, or faces without one. */
export function checkClasses(trainer: Trainer, faces: FaceStore): void {
  const { kind, numClasses } = trainer.settings.loss
  if (numClasses === undefined) return
  const there = new Set(faces.labels)
  const without = Array.from({ length: numClasses }, (_, i) => i).find((label) => !there.has(label))
  const expected = `the number of people, ${faces.names.length}, each with a face`
  if (without !== undefined || there.size > numClasses) {
    const what = without === undefined ? 'with people who have none' : `of which class ${without} has no face`
    throw invalidArgument('loss.numClasses', expected, `${numClasses} classes of ${kind}, ${what}`)
  }
}
