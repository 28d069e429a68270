/** `facenet evaluate lfw|ytf|pairs|robustness`: the protocols by which the paper judges a model. */
import { type Context, UsageError } from '../context.js'

/** Options that only some protocols have. */
const only: Record<string, readonly string[]> = {
  view: ['lfw'],
  frames: ['ytf'],
  pairs: ['lfw', 'ytf', 'robustness'],
  'skip-missing': ['lfw', 'ytf', 'robustness'],
  far: ['pairs', 'robustness'],
  splits: ['pairs', 'robustness'],
  'training-images': ['robustness'],
  table: ['pairs'],
  slice: ['pairs'],
  out: ['pairs'],
}

export async function run(context: Context): Promise<void> {
  const [protocol, ...sources] = context.operands as [string, ...string[]]
  if (!['lfw', 'ytf', 'pairs', 'robustness'].includes(protocol)) {
    throw new UsageError(`evaluate lfw, ytf, pairs or robustness, not ${protocol}`)
  }
  if (protocol !== 'robustness' && context.texts('model').length > 1) {
    throw new UsageError('--model is given more than once; only evaluate robustness compares models')
  }
  for (const [option, protocols] of Object.entries(only)) {
    const given = context.texts(option).length > 0
    if (given && !protocols.includes(protocol))
      throw new UsageError(`--${option} is for evaluate ${protocols.join(', ')}`)
  }
  if (protocol === 'lfw') await (await import('../evaluate/lfw.js')).run(context, sources)
  else if (protocol === 'ytf') await (await import('../evaluate/ytf.js')).run(context, sources)
  else if (protocol === 'robustness') await (await import('../evaluate/robustness.js')).run(context, sources)
  else await (await import('../evaluate/pairs.js')).run(context, sources)
}
