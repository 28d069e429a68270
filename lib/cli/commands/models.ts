/** `facenet models`: well-known models by name, and what of them is in the cache. */
import { FaceNetError } from '../../errors.js'
import { isReadable } from '../../models/cache.js'
import type { KnownModel } from '../../models/known.js'
import { namedDetector, namedModel } from '../../models/named.js'
import {
  importKnownModel,
  modelNamed,
  type PullOptions,
  pullModel,
  readRecord,
  removeModel,
} from '../../models/pull.js'
import { cachedFile, notFetched } from '../../models/resolve.js'
import { knownModels } from '../../models/table.js'
import { table } from '../common/table.js'
import { clearLine, drawLine } from '../common/terminal_line.js'
import type { Context } from '../context.js'
import { type ModelsOptions, modelActions } from '../options/files.js'
import { UsageError } from '../usage_error.js'

type Action = (typeof modelActions)[number]

/** How many operands each takes after its name. */
const operands: Record<Action, readonly [number, string]> = {
  list: [0, 'nothing more'],
  info: [1, 'the name of a model'],
  pull: [1, 'the name of a model'],
  import: [2, 'the name of a model and a file'],
  path: [1, 'the name of a model'],
  remove: [1, 'the name of a model'],
}

export async function run(context: Context<ModelsOptions>): Promise<void> {
  const [given, name, file] = context.operands
  const action = modelActions.find((each) => each === given)
  if (!action) throw new UsageError(`models does one of ${modelActions.join(', ')}, not ${given}`)
  const [count, what] = operands[action]
  if (context.operands.length !== 1 + count) throw new UsageError(`models ${action} takes ${what}`)
  if (action === 'list') return list(context)
  const model = modelNamed(name!)
  if (action === 'info') return info(context, model)
  if (action === 'path') return printPath(context, model)
  if (action === 'remove') return remove(context, model)
  sayLicence(context, model)
  const options = { ...progress(context), acceptLicense: context.options.acceptLicense, signal: context.signal }
  const path = action === 'pull' ? await pullModel(model, options) : await importKnownModel(model, file!, options)
  const record = await readRecord(model)
  if (record && !record.published) {
    context.complain(`its publisher states no hash: sha-256 ${record.sha256} was trusted, and is recorded`)
  }
  if (context.json) await context.print(JSON.stringify({ name: model.name, path, ...record }))
  else context.say(`${model.name} is ready: ${path}`)
}

async function list(context: Context): Promise<void> {
  const all = await Promise.all(knownModels.map(async (model) => ({ ...model, state: await stateOf(model) })))
  if (context.json) {
    await context.print(JSON.stringify(all))
    return
  }
  const rows = all.map(({ name, kind, state, licence, title }) => [
    name,
    kind,
    state,
    commercial(licence.commercial),
    title,
  ])
  await context.print(table([['name', 'kind', 'state', 'commercial use', 'what'], ...rows], 5))
}

/** What has to be done before it can be opened. */
async function stateOf(model: KnownModel): Promise<string> {
  const file = cachedFile(model)
  if (model.origin.kind === 'package') return 'in a package'
  if (file && (await isReadable(file))) return 'in the cache'
  if (model.origin.kind === 'page') return 'to import'
  return model.obstacle === null ? 'to pull' : 'not importable'
}

const commercial = (allowed: boolean | null) => (allowed === null ? 'not settled' : allowed ? 'yes' : 'no')

async function info(context: Context, model: KnownModel): Promise<void> {
  const state = await stateOf(model)
  const record = await readRecord(model).catch(() => undefined)
  if (context.json) {
    await context.print(JSON.stringify({ ...model, state, ...(record && { record }) }))
    return
  }
  const { origin, licence, obstacle } = model
  const rows = [
    [model.name, model.title],
    ['kind', model.kind],
    ['state', obstacle === null ? state : `${state}: ${obstacle}`],
    ['page', model.page],
    ...(origin.kind === 'address'
      ? [
          ['address', `${origin.url}${origin.member === null ? '' : `, the file ${origin.member}`}`],
          ['sha-256', origin.sha256 ?? 'not published: what comes first is trusted, and recorded'],
        ]
      : []),
    [
      'licence',
      `${licence.name}; commercial use: ${commercial(licence.commercial)}${licence.note ? `. ${licence.note}` : ''}`,
    ],
  ]
  if (model.kind === 'recogniser') {
    rows.push(
      ['input', `${model.inputSize.join('x')}, cut out as ${model.alignment}`],
      [
        'output',
        `${model.dimensions} floats${model.unitLength || model.normalize ? ' of unit length' : ', not of unit length'}`,
      ],
      ...model.thresholds.map(({ value, protocol }) => ['threshold', `${value}, ${protocol}`]),
    )
    if (model.thresholds.length === 0)
      rows.push(['threshold', 'unknown: facenet-native evaluate pairs finds one on your own faces'])
  }
  if (record) rows.push(['made of', `${record.source}, sha-256 ${record.sha256}, ${record.date}`])
  await context.print(table(rows, 2))
}

async function printPath(context: Context, model: KnownModel): Promise<void> {
  const source = await (model.kind === 'detector' ? namedDetector : namedModel)(model.name)
  if (typeof source !== 'string') {
    const details = { argument: model.name, expected: 'a file', received: 'a model in memory' }
    throw new FaceNetError('ERR_FACENET_IO', `${model.name} has no file: the cache cannot be written`, details)
  }
  if (model.origin.kind !== 'package' && !(await isReadable(source))) throw notFetched(model)
  await context.print(context.json ? JSON.stringify({ name: model.name, path: source }) : source)
}

async function remove(context: Context, model: KnownModel): Promise<void> {
  const removed = await removeModel(model)
  if (context.json) await context.print(JSON.stringify({ name: model.name, removed }))
  else context.say(removed ? `${model.name} was removed` : `${model.name} was not in the cache`)
}

function sayLicence(context: Context, { name, licence }: KnownModel): void {
  context.say(`${name}: licence ${licence.name}${licence.note ? `. ${licence.note}` : ''}`)
}

/** A line on a terminal that is renewed. */
function progress({ quiet }: Context): Pick<PullOptions, 'onProgress'> {
  if (quiet || !process.stderr.isTTY) return {}
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  return {
    onProgress: (done, total) => {
      const of = total === null ? '' : ` of ${megabytes(total)}`
      drawLine(`${megabytes(done)}${of} MB`)
      if (done === total) clearLine()
    },
  }
}
