/** What is said on stderr while a network is trained: a line that is renewed on a terminal, else one line now and then. */
import type { Loop } from '../../training/loop.js'
import type { BaselineLine, ProgressLine } from '../../training/progress_log.js'
import { clearLine, drawLine } from '../common/terminal_line.js'
import type { Context } from '../context.js'

/** Seconds between lines where stderr is no terminal. */
const every = 10

export function trainingProgress(context: Context, loop: Loop) {
  const terminal = process.stderr.isTTY && !context.quiet
  let said = 0
  let open = false
  return {
    /** Of the network before training. */
    baseline({ validation }: BaselineLine): void {
      context.say(`before training: ${judgement(validation)}`)
    },
    update(line: ProgressLine): void {
      const text = describe(line, loop)
      const now = performance.now() / 1000
      if (line.validation || (!terminal && now - said >= every)) {
        if (open) clearLine()
        open = false
        context.say(text)
        said = now
      } else if (terminal) {
        drawLine(text)
        open = true
      }
    },
    stop(): void {
      if (open) process.stderr.write('\n')
      open = false
    },
  }
}

function describe(line: ProgressLine, loop: Loop): string {
  const { step, loss, triplets, active, meanPositive, meanNegative, validation } = line
  const share = triplets > 0 ? `${((100 * active) / triplets).toFixed(0)} % of ${triplets} active` : 'no triplet'
  const far = `distances ${meanPositive.toFixed(3)} / ${meanNegative.toFixed(3)}`
  const taught = line.teacherLoss === undefined ? [] : [`${line.teacherLoss.toFixed(3)} from the teacher`]
  const what = taught.length > 0 && triplets === 0 ? taught : [share, far, ...taught]
  const judged = validation ? `, ${judgement(validation)}` : ''
  return (
    `step ${step}, loss ${loss.toFixed(4)}, ${what.join(', ')}, ` +
    `${line.imagesPerSecond.toFixed(0)} images/s, ${timeLeft(line, loop)}${judged}`
  )
}

function judgement({ accuracy, val, far }: BaselineLine['validation']): string {
  const atFar = val === null ? '' : `, VAL ${(100 * val).toFixed(1)} % at FAR ${far}`
  return `accuracy ${(100 * accuracy).toFixed(2)} %${atFar}`
}

/** By the mean time of the steps so far. */
function timeLeft({ step, seconds }: ProgressLine, { settings, minutes }: Loop): string {
  const ofSteps = settings.steps === Number.MAX_SAFE_INTEGER ? Infinity : ((settings.steps - step) * seconds) / step
  const left = Math.max(0, Math.min(ofSteps, minutes === undefined ? Infinity : 60 * minutes - seconds))
  const [hours, rest] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60)]
  return hours > 0 ? `${hours} h ${rest} min left` : left >= 60 ? `${rest} min left` : `${left.toFixed(0)} s left`
}
