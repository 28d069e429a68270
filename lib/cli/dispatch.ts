/** From the words of a command line to the command that runs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import loader from '../native/load.cjs'
import { type Command, commands } from './command_table.js'
import { resultIsInFiles } from './common/standard_output.js'
import { Context } from './context.js'
import { commandHelp, programHelp } from './help.js'
import { type CommonOptions, commonOptions } from './options/common.js'
import { nearest } from './options/nearest.js'
import { alternatives, flagOf, type OptionTable } from './options/option.js'
import { asksForHelp, checkRequired, parseOptions } from './options/parse.js'
import { UsageError } from './usage_error.js'

/** Runs the command that `words` ask for. Throws UsageError where they make no sense. */
export async function dispatch(words: readonly string[], signal: AbortSignal): Promise<void> {
  const [name, ...rest] = words
  if (name === '--help' || name === '-h') return write(programHelp(commands))
  if (name === '--version' || name === '-v') return write(`facenet-native ${packageVersion()}\n`)
  const command = findCommand(name)
  if (asksForHelp(rest)) return write(commandHelp(command))
  const table: OptionTable = { ...commonOptions, ...command.options }
  const { operands, values, given } = parseOptions(table, rest)
  checkCount(command, operands)
  checkKinds(command, table, operands[0], given)
  checkRequired(table, values)
  const { run } = await command.load()
  if (given.has('out') || given.has('report')) resultIsInFiles()
  const context = new Context(operands, values as CommonOptions, given, signal)
  try {
    await run(context)
  } finally {
    for (const line of context.passedOver.lines()) context.complain(line)
  }
}

function findCommand(name: string | undefined): Command {
  const names = commands.map((command) => command.name)
  if (name === undefined) throw new UsageError(`a command is missing: one of ${names.join(', ')}`)
  const command = commands.find((each) => each.name === name)
  if (command) return command
  const like = nearest(name, names)
  throw new UsageError(`unknown command ${name}${like ? `; did you mean ${like}?` : ''}: one of ${names.join(', ')}`)
}

function checkCount({ name, operands, count: { min, max } }: Command, given: readonly string[]): void {
  if (given.length >= min && given.length <= max) return
  throw new UsageError(`${name} takes ${operands || 'no operands'}, and ${given.length || 'none'} came`)
}

/** Options of another kind of the command's work: a view has a meaning for `evaluate lfw` alone. */
function checkKinds({ name }: Command, table: OptionTable, kind: string | undefined, given: ReadonlySet<string>): void {
  for (const option of given) {
    const kinds = table[option]?.kinds
    if (kinds && !kinds.includes(kind!)) {
      throw new UsageError(`${flagOf(option)} is for ${name} ${alternatives(kinds)}, not ${kind}`)
    }
  }
}

function write(text: string): void {
  process.stdout.write(text)
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(loader.packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return manifest.version
}
