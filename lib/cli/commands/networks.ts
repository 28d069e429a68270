/** `facenet networks`: the list of them, one's layers, or what is executed for it. */
import { countRows } from '../../convert/networks/count.js'
import { type NetworkDefinition, network, networks } from '../../convert/networks/index.js'
import { native, nativeCallSync } from '../../native/addon.js'
import { table } from '../common/table.js'
import type { Context } from '../context.js'
import type { NetworksOptions } from '../options/files.js'
import { UsageError } from '../usage_error.js'

export async function run(context: Context<NetworksOptions>): Promise<void> {
  const [name] = context.operands
  const { plan, training } = context.options
  if (training && !plan) throw new UsageError('--training needs --plan')
  if (name === undefined) {
    if (plan) throw new UsageError('--plan needs the name of a network')
    await list(context)
  } else if (training) await printTrainingPlan(context, network(name))
  else if (plan) await printPlan(context, network(name))
  else await layers(context, network(name))
}

async function list(context: Context): Promise<void> {
  const all = Object.values(networks)
  if (context.json) {
    await context.print(JSON.stringify(all.map(facts)))
    return
  }
  const rows = all.map(({ name, title, inputSize: { height, width }, parameters, multiplyAdds, dimensions }) => [
    name,
    title,
    `${height}x${width}`,
    millions(parameters),
    millions(multiplyAdds),
    String(dimensions),
  ])
  await context.print(table([['name', 'network', 'input', 'parameters', 'multiply-adds', 'dimensions'], ...rows], 2))
}

function facts({ name, title, inputSize, parameters, multiplyAdds, dimensions, source }: NetworkDefinition) {
  return { name, title, inputSize, parameters, multiplyAdds, dimensions, source }
}

async function layers(context: Context, definition: NetworkDefinition): Promise<void> {
  const rows = countRows(definition.graph())
  if (context.json) {
    await context.print(JSON.stringify({ ...facts(definition), rows }))
    return
  }
  const { height, width } = definition.inputSize
  await context.print(`${definition.title}, input ${height}x${width}. ${definition.source}.`)
  const lines = rows.map(({ row, output, parameters, multiplyAdds }) => [
    row,
    output.join('x'),
    parameters.toLocaleString('en-US'),
    multiplyAdds.toLocaleString('en-US'),
  ])
  const sums = [definition.parameters, definition.multiplyAdds].map((sum) => sum.toLocaleString('en-US'))
  await context.print(table([['layer', 'out', 'parameters', 'multiply-adds'], ...lines, ['total', '', ...sums]], 1))
}

async function printPlan(context: Context, definition: NetworkDefinition): Promise<void> {
  const { dtype } = context.options
  const plan = nativeCallSync(() => native().plan(definition.graph(), { dtype }))
  await context.print(context.json ? JSON.stringify({ ...plan, text: undefined }) : plan.text.trimEnd())
}

async function printTrainingPlan(context: Context, definition: NetworkDefinition): Promise<void> {
  const options = { frozen: [], chunk: 0, memoryBytes: 0 }
  const plan = nativeCallSync(() => native().trainingPlan(definition.graph(), options))
  await context.print(context.json ? JSON.stringify({ ...plan, text: undefined }) : plan.text.trimEnd())
}

function millions(value: number): string {
  return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 1)} M`
}
