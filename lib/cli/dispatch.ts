/** From the words of a command line to the command that runs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sade from 'sade'
import loader from '../native/load.cjs'
import { type Command, commands, commonOptions, type Option } from './command_table.js'
import { Context, type OptionValues, UsageError } from './context.js'

/** Runs the command that `words` ask for. Throws UsageError where they make no sense. */
export async function dispatch(words: string[], signal: AbortSignal): Promise<void> {
  const command = findCommand(words[0])
  const parsed = parse(command, words)
  if (!command || !parsed) return
  const { run } = await command.load()
  await run(new Context(parsed.operands, parsed.values, signal))
}

/** The command comes first; undefined where only help or the version is asked for. */
function findCommand(name: string | undefined): Command | undefined {
  if (name === undefined) throw new UsageError(`a command is missing: one of ${names()}`)
  if (['--help', '-h', '--version', '-v'].includes(name)) return undefined
  const command = commands.find((each) => each.name === name)
  if (!command) throw new UsageError(`unknown command ${name}: one of ${names()}`)
  return command
}

const names = () => commands.map((command) => command.name).join(', ')

/**
 * sade describes and parses. It would end the process itself, with code 1, on a command line it does not like, so it
 * hears of operands for its help only (they are counted here), and unknown options are thrown from its hook.
 */
function parse(
  command: Command | undefined,
  words: string[],
): { operands: string[]; values: OptionValues } | undefined {
  const program = sade('facenet').version(packageVersion())
  const help = words.some((argument) => argument === '--help' || argument === '-h')
  for (const option of commonOptions) program.option(option.flags, option.text)
  for (const each of commands) {
    program.command(help ? `${each.name} ${each.operands}`.trim() : each.name, each.text)
    for (const option of each.options) program.option(option.flags, option.text)
    for (const example of each.examples ?? []) program.example(example)
  }
  const options = [...commonOptions, ...(command?.options ?? [])]
  const switches = options.filter((option) => option.boolean).map(longName)
  // Written out, a switch cannot take the operand after it for its value.
  const line = words.map((word) =>
    switches.includes(word.startsWith('--') ? word.slice(2) : '') ? `${word}=true` : word,
  )
  const lazy = program.parse(['node', 'facenet', ...line], {
    lazy: true,
    boolean: switches,
    string: options.filter((option) => !option.boolean).map(longName),
    unknown: (flag: string) => {
      throw new UsageError(`unknown option ${flag}`)
    },
  })
  if (!command || !lazy) return undefined
  const given = lazy.args.at(-1) as unknown as { _: unknown[] } & Record<string, unknown>
  return { operands: checkCount(command, given._.map(String)), values: checkValues(options, given) }
}

function checkCount({ name, operands, count: [least, most] }: Command, given: string[]): string[] {
  if (given.length >= least && given.length <= most) return given
  throw new UsageError(`${name} takes ${operands || 'no operands'}, and ${given.length || 'none'} came`)
}

function checkValues(options: Option[], given: Record<string, unknown>): OptionValues {
  const values: OptionValues = {}
  for (const option of options) {
    const name = longName(option)
    const value = given[name]
    if (value === undefined) continue
    const all = Array.isArray(value) ? value : [value]
    if (all.length > 1 && !option.repeatable) throw new UsageError(`--${name} is given more than once`)
    if (!option.boolean && all.some((each) => typeof each !== 'string' || each === '')) {
      throw new UsageError(`--${name} needs a value; one that starts with a dash is written --${name}=-1`)
    }
    values[name] = option.repeatable ? all : all[0]
  }
  return values
}

const longName = ({ flags }: Option): string => flags.slice(flags.indexOf('--') + 2)

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(loader.packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return manifest.version
}
