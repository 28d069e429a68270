import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BuildInfo, PlanReport } from '../../types/native.js'
import { facenet } from './support.js'

test('info says what is built in, and why no CUDA device is used where none is', async () => {
  const { code, stdout } = await facenet('info')
  assert.is(code, 0)
  assert.match(stdout, /^facenet-native \d+\.\d+\.\d+/)
  assert.match(stdout, /\noneDNN: (\d|not built in)/)
  assert.match(stdout, /\nlibjpeg-turbo: (\d|not built in)/)
  assert.match(stdout, /\nCUDA: (not built in|built in, runtime \d+\.\d+.*(driver|no device is used because .+))/)
  assert.match(stdout, /\ndevice: (cuda|cpu|reference), /)
})

test('info --json', async () => {
  const { code, stdout } = await facenet('info', '--json')
  const info = JSON.parse(stdout) as BuildInfo & { device: { kind: string; reason: string }; cores: number }
  assert.is(code, 0)
  assert.match(info.version, /^\d/)
  assert.ok(['cuda', 'cpu', 'reference'].includes(info.device.kind))
  assert.ok(info.cores >= 1)
  if (info.cuda && info.cuda.devices.length === 0) assert.ok(info.cuda.reason.length > 0)
})

test('networks lists them all', async () => {
  const { stdout } = await facenet('networks')
  assert.match(stdout, /^nn2 +NN2 .* 224x224 +7\.46 M +1596\.5 M +128$/m)
  const { stdout: json } = await facenet('networks', '--json')
  const names = (JSON.parse(json) as { name: string }[]).map(({ name }) => name)
  assert.equal(names, ['nn1', 'nn2', 'nn3', 'nn4', 'nns1', 'nns2', 'nn4.small2', 'inception-resnet-v1'])
})

test('networks nn2 prints its rows and their sum', async () => {
  const { stdout } = await facenet('networks', 'nn2')
  assert.match(stdout, /^inception4e +7x7x1024 /m)
  assert.match(stdout, /^total +7,4\d\d,\d{3} +1,59\d,\d{3},\d{3}$/m)
})

test('networks nn2 --plan prints what is executed', async () => {
  const { stdout } = await facenet('networks', 'nn2', '--plan')
  assert.match(stdout, /inception3a\/1x1/)
  assert.match(stdout, /\+relu/)
  const { stdout: json } = await facenet('networks', 'nn2', '--plan', '--json')
  const plan = JSON.parse(json) as PlanReport
  assert.equal(plan.outputs, [[1, 1, 128]])
  assert.ok(plan.steps.length > 20 && plan.arenaBytes > 0)
})

test('an unknown network is an error that names the known ones', async () => {
  const { code, stderr } = await facenet('networks', 'nn9')
  assert.is(code, 1)
  assert.match(stderr, /one of nn1, nn2.* received nn9 \(ERR_FACENET_INVALID_ARGUMENT\)/)
})

test.run()
