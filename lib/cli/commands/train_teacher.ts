/** What the options of `train` say of a teacher. */
import { FaceNetError } from '../../errors.js'
import type { LoopSettings } from '../../training/loop_state.js'
import { Teacher, type TeacherSettings } from '../../training/teacher.js'
import type { Trainer } from '../../training/trainer.js'
import type { Context } from '../context.js'
import { flagOf } from '../options/option.js'
import type { TrainOptions } from '../options/train.js'
import { UsageError } from '../usage_error.js'

export function readTeacher({ options, given }: Context<TrainOptions>): TeacherSettings | null {
  const { teacher: path, teacherWeight: weight, teacherResize: resize } = options
  if (path !== undefined) return { path, fingerprint: '', weight, resize }
  const alone = (['teacherWeight', 'teacherResize'] as const).find((name) => given.has(name))
  if (alone) throw new UsageError(`${flagOf(alone)} goes with --teacher`)
  return null
}

/** The teacher of a run that begins, or the one that a run goes on with, which may lie elsewhere by then. */
export async function openTeacher(
  { options, given }: Context<TrainOptions>,
  trainer: Trainer,
  { teacher, template, augmentation }: LoopSettings,
): Promise<Teacher | undefined> {
  if (!teacher) {
    if (given.has('teacher')) throw new UsageError('--teacher: the run that is resumed has no teacher')
    return undefined
  }
  const path = options.teacher ?? teacher.path
  const { crop, flip, colour, jpeg } = augmentation
  const still = !crop && !flip && colour === 0 && jpeg === 0
  const { device, threads } = options
  const opened = await Teacher.open(path, {
    student: trainer,
    resize: teacher.resize,
    template,
    still,
    device,
    threads,
  })
  if (teacher.fingerprint === '' || teacher.fingerprint === opened.fingerprint) return opened
  await opened.close()
  throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `${path} is not the model that the run has learned from`, {
    argument: '--teacher',
    expected: `the model of fingerprint ${teacher.fingerprint}`,
    received: opened.fingerprint,
  })
}
