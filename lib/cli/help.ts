/** What `--help` prints, from the tables of commands and options. */
import type { Command } from './command_table.js'
import { commonOptions } from './options/common.js'
import { flagOf, type Option, type OptionTable } from './options/option.js'

const program = 'facenet-native'
/** Columns of a line. */
const width = 100

export function programHelp(commands: readonly Command[]): string {
  const longest = Math.max(...commands.map(({ name }) => name.length))
  const summaries = commands.map(({ name, text }) => twoColumns(name, text, longest))
  return sections([
    ['Usage', [`  ${program} <command> [options]`, `  ${program} <command> --help`]],
    ['Commands', summaries],
    ['Examples', commands.slice(0, 4).flatMap(({ examples }) => example(examples[0]!))],
    ['Options', [twoColumns('-h, --help', 'Show this', 13), twoColumns('-v, --version', 'Show the version', 13)]],
  ])
}

export function commandHelp({ name, operands, text, options, examples }: Command): string {
  const groups = groupsOf({ ...options, ...withoutRepeated(commonOptions, options) })
  const flags = groups.flatMap(([, table]) => Object.entries(table).map(([key, option]) => flagColumn(key, option)))
  const longest = Math.max(...flags.map((flag) => flag.length))
  const help = twoColumns('-h, --help', 'Show this', longest)
  const listed = groups.map(([heading, table]): Section => {
    const lines = Object.entries(table).map(([key, option]) =>
      twoColumns(flagColumn(key, option), describe(option), longest),
    )
    return [heading, heading === 'Messages' ? [...lines, help] : lines]
  })
  const usage = [program, name, operands, '[options]'].filter(Boolean).join(' ')
  return `${wrap(text, width).join('\n')}\n\n${sections([
    ['Usage', [`  ${usage}`]],
    ...listed,
    ['Examples', examples.flatMap(example)],
  ])}`
}

type Section = [heading: string, lines: string[]]

const sections = (all: readonly Section[]) =>
  `${all.map(([heading, lines]) => `${heading}\n${lines.join('\n')}`).join('\n\n')}\n`

const example = (words: string) => [`  ${program} ${words}`]

/** A command may have an option of its own in the place of a common one. */
function withoutRepeated(table: OptionTable, others: OptionTable): OptionTable {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !(name in others)))
}

/** In the order in which their first options stand, common ones last. */
function groupsOf(table: OptionTable): [string, OptionTable][] {
  const groups = new Map<string, Record<string, Option<unknown>>>()
  for (const [name, option] of Object.entries(table)) {
    const heading = option.group ?? 'Options'
    groups.set(heading, { ...groups.get(heading), [name]: option })
  }
  return [...groups]
}

/** `-m, --model <file>` */
function flagColumn(name: string, { short, value }: Option<unknown>): string {
  return `${short ? `-${short}, ` : '    '}${flagOf(name)}${value ? ` ${value}` : ''}`
}

/** What an option does, for what, and in brackets what it takes and what holds without it. */
function describe(option: Option<unknown>): string {
  const kinds = option.kinds ? `${option.kinds.join(', ')}: ` : ''
  const fallback = option.defaultText ?? (option.value ? shown(option.default) : undefined)
  const facts = [
    option.expected?.replace(/^an? /, ''),
    option.required && !option.environment ? 'required' : undefined,
    fallback === undefined ? undefined : `default: ${fallback}`,
  ].filter((fact) => fact !== undefined)
  return `${kinds}${option.text}${facts.length > 0 ? ` [${facts.join('; ')}]` : ''}`
}

function shown(value: unknown): string | undefined {
  return value === undefined || Array.isArray(value) ? undefined : String(value)
}

/** The second column starts at one place for all lines, also for those that continue. */
function twoColumns(first: string, second: string, longest: number): string {
  const indent = longest + 4
  const [line = '', ...more] = wrap(second, width - indent)
  return [`  ${first.padEnd(longest)}  ${line}`, ...more.map((text) => ' '.repeat(indent) + text)].join('\n')
}

function wrap(text: string, columns: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}
