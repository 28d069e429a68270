/** `facenet evaluate lfw|ytf|pairs`: the protocols by which the paper judges a model. */
import { type Context, UsageError } from './context.js'

/** Options that only some protocols have. */
const only: Record<string, readonly string[]> = {
  view: ['lfw'],
  frames: ['ytf'],
  pairs: ['lfw', 'ytf'],
  'skip-missing': ['lfw', 'ytf'],
  far: ['pairs'],
  splits: ['pairs'],
  table: ['pairs'],
  slice: ['pairs'],
  out: ['pairs'],
}

export async function run(context: Context): Promise<void> {
  const [protocol, ...sources] = context.operands as [string, ...string[]]
  if (!['lfw', 'ytf', 'pairs'].includes(protocol)) throw new UsageError(`evaluate lfw, ytf or pairs, not ${protocol}`)
  for (const [option, protocols] of Object.entries(only)) {
    const given = context.text(option) !== undefined
    if (given && !protocols.includes(protocol))
      throw new UsageError(`--${option} is for evaluate ${protocols.join(', ')}`)
  }
  if (protocol === 'lfw') await (await import('./evaluate_lfw.js')).run(context, sources)
  else if (protocol === 'ytf') await (await import('./evaluate_ytf.js')).run(context, sources)
  else await (await import('./evaluate_people.js')).run(context, sources)
}
