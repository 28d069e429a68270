/**
 * `npm run fuzz -- --seconds 60 --target onnx --seed 7`: tries inputs of each target, or of one, for so long, or `--inputs` of
 * each, and prints how many there were. An input that is refused otherwise than by a FaceNetError, that takes more than 10 seconds or
 * memory beyond 2 GiB ends it with its seed and what makes the input again.
 */
import { parseArgs } from 'node:util'
import { type Counts, mostTime, type Target, tryInputs } from './target.js'
import { targets } from './targets.js'
import { watch } from './watchdog.js'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { seconds: text, target: text, seed: text, inputs: text } })
const firstSeed = Number(values.seed ?? 1)
const seconds = Number(values.seconds ?? (values.inputs ? Infinity : 120))
const inputs = Number(values.inputs ?? Infinity)
const mostMemory = 2 * 2 ** 30
const together = 500

const all = await targets()
const chosen = values.target === undefined ? all : all.filter(({ name }) => name === values.target)
if (chosen.length === 0) throw new Error(`no target ${values.target}: one of ${all.map(({ name }) => name).join(', ')}`)

const dog = watch(mostTime * 3)
const watched = (target: Target): Target => ({
  ...target,
  run: (input: never) => {
    dog.input()
    return target.run(input)
  },
})

const total: Counts = { inputs: 0, made: 0, refused: 0 }
let failed = 0
for (const target of chosen) {
  dog.at(target.name)
  const [start, counts]: [number, Counts] = [performance.now(), { inputs: 0, made: 0, refused: 0 }]
  const share = (seconds / chosen.length) * 1000
  let seed = firstSeed
  try {
    for (; performance.now() - start < share && counts.inputs < inputs; seed++) {
      const some = await tryInputs(watched(target), seed, Math.min(together, inputs - counts.inputs))
      for (const key of Object.keys(counts) as (keyof Counts)[]) counts[key] += some[key]
      const memory = process.memoryUsage().rss
      if (memory > mostMemory) throw new Error(`${Math.round(memory / 2 ** 20)} MiB are in use`)
    }
  } catch (error) {
    failed++
    console.log(
      `${target.name}: seed ${seed}: ${(error as Error).stack}\n${(error as { cause?: Error }).cause?.stack ?? ''}`,
    )
  }
  const time = (performance.now() - start) / 1000
  for (const key of Object.keys(counts) as (keyof Counts)[]) total[key] += counts[key]
  console.log(
    `${target.name}: ${counts.inputs} inputs, ${counts.made} taken, ${counts.refused} refused (${time.toFixed(1)} s)`,
  )
}
console.log(`${total.inputs} inputs, ${total.made} taken, ${total.refused} refused, ${failed} targets with findings`)
await dog.end()
process.exit(failed > 0 ? 1 : 0)
