import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { commands } from '../../lib/cli/command_table.js'
import { dispatch } from '../../lib/cli/dispatch.js'
import { commandHelp } from '../../lib/cli/help.js'
import { commonOptions } from '../../lib/cli/options/common.js'
import { flagOf, type OptionTable } from '../../lib/cli/options/option.js'
import { parseOptions } from '../../lib/cli/options/parse.js'
import { trainOptions } from '../../lib/cli/options/train.js'
import { UsageError } from '../../lib/cli/usage_error.js'
import { rejection } from '../api/support.js'
import { facenet, start } from './support.js'

delete process.env.FACENET_MODEL

const lib = fileURLToPath(new URL('../../lib', import.meta.url))

const mistakes: [string, string[], RegExp][] = [
  ['no command', [], /a command is missing: one of embed, verify/],
  ['an unknown command', ['embde'], /unknown command embde; did you mean embed\?: one of embed, verify/],
  ['a command like no other', ['xyzzy'], /unknown command xyzzy: one of/],
  ['an option before the command', ['--json', 'info'], /unknown command --json/],
  ['an unknown option', ['info', '--jsno'], /unknown option --jsno; did you mean --json\?$/],
  [
    'an option like another',
    ['embed', 'x', '--batchsize', '4'],
    /unknown option --batchsize; did you mean --batch-size\?$/,
  ],
  ['a name of every object', ['info', '--constructor'], /unknown option --constructor$/],
  ['an unknown short option', ['info', '-x'], /unknown option -x$/],
  ['a switch with a value', ['info', '--json=no'], /--json takes no value, and no came/],
  ['an option for a value', ['embed', 'x', '-m', '--json'], /--model needs a value/],
  ['an option of another command', ['info', '--out', 'x.npy'], /unknown option --out/],
  ['no operand', ['embed', '--model', 'm'], /embed takes <images\.\.\.>, and none came/],
  ['too few operands', ['verify', 'a.jpg'], /verify takes <a> <b>, and 1 came/],
  ['too many operands', ['networks', 'nn1', 'nn2'], /networks takes \[name\], and 2 came/],
  ['an option without a value', ['info', '--device'], /--device needs a value/],
  ['an option twice', ['info', '--device', 'cpu', '--device', 'auto'], /--device is given more than once/],
  ['an unknown device', ['info', '--device', 'gpu'], /--device is one of auto, cuda, cpu, reference, not gpu/],
  ['an unknown dtype', ['networks', 'nn2', '--plan', '--dtype', 'f64'], /--dtype is one of f32, bf16, f16, not f64/],
  ['half a thread', ['embed', 'x', '-m', 'm', '--threads', '1.5'], /--threads is an integer from 1 to 1024, not 1\.5/],
  ['a word for a number', ['evaluate', 'pairs', 'x', '--far', 'low'], /--far is a number above 0 and below 1, not low/],
  [
    'a threshold below zero',
    ['verify', 'a', 'b', '--threshold=-1'],
    /--threshold is a number of at least 0 or a threshold file/,
  ],
  ['no model to evaluate', ['evaluate', 'pairs', 'faces/'], /--model is missing, and FACENET_MODEL is not set/],
  [
    'an unknown output format',
    ['embed', 'a.jpg', '-m', 'm', '-o', 'x.csv'],
    /--out is a path that ends in \.npy, \.parquet, \.jsonl, \.db or \.sqlite, not x\.csv/,
  ],
  [
    'an unknown alignment',
    ['embed', 'a.jpg', '-m', 'm', '--align', 'face'],
    /--align is one of detect, none, center, points/,
  ],
  [
    'a detector that is not used',
    ['embed', 'a.jpg', '-m', 'm', '--align', 'none', '--detector', 'd'],
    /--detector is for/,
  ],
  ['a score out of range', ['detect', 'a.jpg', '--score', '1.5'], /--score is a number from 0 to 1, not 1\.5/],
  [
    'a face of no size',
    ['detect', 'a.jpg', '--min-size', '0'],
    /--min-size is a number of pixels above 0, or a share .* as 2%, not 0/,
  ],
  ['an overlay of two images', ['detect', 'a.jpg', 'b.jpg', '--overlay', 'o.jpg'], /--overlay is for one image/],
  ['an overlay of no kind', ['detect', 'a.jpg', '--overlay', 'o.txt'], /--overlay is a path that ends in \.jpg/],
  ['all faces of a pair', ['verify', 'a', 'b', '-m', 'm', '--faces', 'all'], /--faces is one of largest, one, not all/],
  ['a gallery and no image', ['search', 'faces.npy'], /search takes <gallery> <images\.\.\.>, and 1 came/],
  [
    'more neighbours than there may be',
    ['search', 'g', 'a', '-m', 'm', '--k', '129'],
    /--k is an integer from 1 to 128, not 129/,
  ],
  ['no output', ['export', 'm.safetensors'], /--out is missing/],
  [
    'a size that is none',
    ['import', 'w.onnx', '--out', 'm.safetensors', '--size', '112*112'],
    /--size is height x width/,
  ],
  ['a plan of nothing', ['networks', '--plan'], /--plan needs the name of a network/],
]

for (const [what, args, message] of mistakes) {
  test(`${what} is a usage error`, async () => {
    const error = await rejection(dispatch(args, new AbortController().signal))
    assert.instance(error, UsageError)
    assert.match(error.message, message)
  })
}

test('a usage error is exit code 2, a message and a hint on stderr', async () => {
  const { code, stdout, stderr } = await facenet('info', '--jsno')
  assert.is(code, 2)
  assert.is(stdout, '')
  assert.is(
    stderr,
    'error: unknown option --jsno; did you mean --json?\nRun facenet-native --help, or facenet-native <command> --help.\n',
  )
})

test('--help and --version go to stdout', async () => {
  const help = await facenet('--help')
  assert.is(help.code, 0)
  for (const { name } of commands) assert.match(help.stdout, new RegExp(`\\n  ${name} `))
  const embed = await facenet('embed', '--help', '--no-such-option')
  assert.is(embed.code, 0)
  assert.match(embed.stdout, /\n {2}facenet-native embed <images\.\.\.> \[options\]\n/)
  assert.match(embed.stdout, /\n {6}--align <how> /)
  const version = await facenet('--version')
  assert.match(version.stdout, /^facenet-native \d+\.\d+\.\d+\n$/)
})

test('help lists every option once, with its range and the default that the code takes', () => {
  for (const command of commands) {
    const help = commandHelp(command)
    const table: OptionTable = { ...commonOptions, ...command.options }
    const words = (text: string) => text.replace(/\s+/g, ' ')
    for (const [name, option] of Object.entries(table)) {
      const listed = help.split('\n').filter((line) => new RegExp(`^.{6}${flagOf(name)}( |$)`).test(line))
      assert.is(listed.length, 1, `${command.name} ${flagOf(name)}`)
      assert.ok(words(help).includes(option.text), `${command.name} ${flagOf(name)}`)
      assert.ok(option.group, `${command.name} ${flagOf(name)}`)
      assert.not.match(option.text, /\bdefault\b/i, `${command.name} ${flagOf(name)}`)
      if (option.value && ['number', 'string'].includes(typeof option.default)) {
        const shown = option.defaultText ?? option.default
        assert.ok(words(help).includes(`default: ${shown}`), `${command.name} ${flagOf(name)}`)
      }
    }
    const { values } = parseOptions(withoutEnvironment(table), [])
    for (const [name, option] of Object.entries(table)) assert.equal(values[name], option.default)
    assert.ok(command.examples.length > 0 && command.examples.every((words) => words.split(' ')[0] === command.name))
    for (const line of help.split('\n')) assert.ok(line.length <= 100 || line.startsWith('  facenet-native '), line)
  }
})

test('the examples of the help are command lines that parse', () => {
  for (const command of commands) {
    for (const example of command.examples) {
      const { operands } = parseOptions(
        { ...commonOptions, ...withoutEnvironment(command.options) },
        example.split(' ').slice(1),
      )
      assert.ok(operands.length >= command.count.min && operands.length <= command.count.max, example)
    }
  }
})

/** So that nothing but the words counts. */
function withoutEnvironment(table: OptionTable): OptionTable {
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, { ...option, environment: undefined }]),
  )
}

test('values come as their types, however they are written', () => {
  const { operands, values, given } = parseOptions({ ...commonOptions, ...trainOptions }, [
    ...[
      'a',
      '--out=run',
      '--steps',
      '10',
      '--schedule=step:0.1@20,30',
      '--freeze',
      'conv1,inception3*',
      '--network',
      'NN2',
    ],
    ...['--validation-images', 'x', '--validation-images', 'y', '--learning-rate=1e-3', '--json', '--', '--b'],
  ])
  assert.equal(operands, ['a', '--b'])
  const { steps, schedule, freeze, network, validationImages, learningRate, json, margin } = values
  assert.equal(
    { steps, schedule, freeze, network, validationImages, learningRate, json, margin },
    {
      steps: 10,
      schedule: 'step:0.1@20,30',
      freeze: ['conv1', 'inception3*'],
      network: 'nn2',
      validationImages: ['x', 'y'],
      learningRate: 1e-3,
      json: true,
      margin: 0.2,
    },
  )
  assert.ok(given.has('learningRate') && !given.has('margin'))
  for (const words of [['-o', 'x'], ['-ox'], ['-o=x'], ['--out', 'x'], ['--out=x']]) {
    assert.is(parseOptions(trainOptions, words).values.out, 'x')
  }
})

test('nothing that is printed advises a package of another author', async () => {
  const files = (await readdir(lib, { recursive: true })).filter((name) => /\.c?ts$/.test(name))
  for (const name of files) {
    assert.not.match(await readFile(join(lib, name), 'utf8'), /npx facenet(?!-native)/, name)
  }
})

test('errors are one line with a code; FACENET_DEBUG adds the stack', async () => {
  const args = ['embed', 'a.jpg', '--model', 'no/such/model.safetensors']
  const { code, stderr } = await facenet(...args)
  assert.is(code, 1)
  assert.match(stderr, /^error: .*no\/such\/model\.safetensors.* \(ERR_FACENET_IO\)\n$/)
  const debug = await start(args, { FACENET_DEBUG: '1' }).outcome
  assert.match(debug.stderr, /\n\s+at /)
})

test.run()
