/** `facenet evaluate lfw|ytf|pairs|robustness`: the protocols by which the paper judges a model. */
import type { Context } from '../context.js'
import { type EvaluateOptions, protocols } from '../options/evaluate.js'
import { alternatives } from '../options/option.js'
import { UsageError } from '../usage_error.js'

export async function run(context: Context<EvaluateOptions>): Promise<void> {
  const [protocol, ...sources] = context.operands as readonly [string, ...string[]]
  if (!protocols.some((each) => each === protocol)) {
    throw new UsageError(`evaluate ${alternatives(protocols)}, not ${protocol}`)
  }
  if (protocol !== 'robustness' && context.options.model.length > 1) {
    throw new UsageError('--model is given more than once; only evaluate robustness compares models')
  }
  if (protocol === 'lfw') await (await import('../evaluate/lfw.js')).run(context, sources)
  else if (protocol === 'ytf') await (await import('../evaluate/ytf.js')).run(context, sources)
  else if (protocol === 'robustness') await (await import('../evaluate/robustness.js')).run(context, sources)
  else await (await import('../evaluate/pairs.js')).run(context, sources)
}
