import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../lib/cli/context.js'
import { dispatch } from '../../lib/cli/dispatch.js'
import { rejection } from '../api/support.js'
import { facenet, start } from './support.js'

delete process.env.FACENET_MODEL

const mistakes: [string, string[], RegExp][] = [
  ['no command', [], /a command is missing: one of embed, verify/],
  ['an unknown command', ['embde'], /unknown command embde/],
  ['an option before the command', ['--json', 'info'], /unknown command --json/],
  ['an unknown option', ['info', '--jsno'], /unknown option --jsno/],
  ['an unknown short option', ['info', '-x'], /unknown option -x/],
  ['an option of another command', ['info', '--out', 'x.npy'], /unknown option --out/],
  ['no operand', ['embed', '--model', 'm'], /embed takes <images\.\.\.>, and none came/],
  ['too few operands', ['verify', 'a.jpg'], /verify takes <a> <b>, and 1 came/],
  ['too many operands', ['networks', 'nn1', 'nn2'], /networks takes \[name\], and 2 came/],
  ['an option without a value', ['info', '--device'], /--device needs a value/],
  ['an option twice', ['info', '--device', 'cpu', '--device', 'auto'], /--device is given more than once/],
  ['an unknown device', ['info', '--device', 'gpu'], /--device is one of auto, cuda, cpu, reference, not gpu/],
  ['an unknown dtype', ['networks', 'nn2', '--plan', '--dtype', 'f64'], /--dtype is one of f32, bf16, f16, not f64/],
  ['half a thread', ['embed', 'x', '-m', 'm', '--threads', '1.5'], /--threads is an integer of at least 1, not 1\.5/],
  ['a word for a number', ['evaluate', 'pairs', 'x', '--far', 'low'], /--far is a number, not low/],
  [
    'a threshold below zero',
    ['verify', 'a', 'b', '--threshold=-1'],
    /--threshold is a number of at least 0 or a threshold file/,
  ],
  ['no model', ['embed', 'a.jpg'], /--model is missing, and FACENET_MODEL is not set/],
  [
    'an unknown output format',
    ['embed', 'a.jpg', '-m', 'm', '-o', 'x.csv'],
    /--out ends in \.npy, \.parquet or \.jsonl/,
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
  ['a score out of range', ['detect', 'a.jpg', '--score', '1.5'], /--score is a number in 0\.\.1, not 1\.5/],
  ['a face of no size', ['detect', 'a.jpg', '--min-size', '0'], /--min-size is above 0, not 0/],
  ['an overlay of two images', ['detect', 'a.jpg', 'b.jpg', '--overlay', 'o.jpg'], /--overlay is for one image/],
  ['an overlay of no kind', ['detect', 'a.jpg', '--overlay', 'o.txt'], /--overlay ends in/],
  ['all faces of a pair', ['verify', 'a', 'b', '-m', 'm', '--faces', 'all'], /--faces is largest or one/],
  ['a gallery and no image', ['search', 'faces.npy'], /search takes <gallery> <images\.\.\.>, and 1 came/],
  ['more neighbours than there may be', ['search', 'g', 'a', '-m', 'm', '--k', '129'], /--k is at most 128, not 129/],
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
  assert.match(stderr, /^error: unknown option --jsno\nRun facenet --help/)
})

test('--help and --version go to stdout', async () => {
  const help = await facenet('--help')
  assert.is(help.code, 0)
  for (const command of [
    'embed',
    'verify',
    'search',
    'detect',
    'import',
    'export',
    'networks',
    'info',
    'bench',
    'build',
  ]) {
    assert.match(help.stdout, new RegExp(`\\n    ${command} `))
  }
  const embed = await facenet('embed', '--help')
  assert.match(embed.stdout, /facenet embed <images\.\.\.>/)
  assert.match(embed.stdout, /--align/)
  const version = await facenet('--version')
  assert.match(version.stdout, /^facenet, \d+\.\d+\.\d+/)
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
