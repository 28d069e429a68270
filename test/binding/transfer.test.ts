/** Arrays whose memory a script transfers while native code works on them: right values, and a process that goes on. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

test('what is transferred during a call does not matter to it', () => {
  const script = fileURLToPath(new URL('./transfer.ts', import.meta.url))
  const { signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', script], {
    encoding: 'utf8',
    timeout: 600_000,
  })
  const lines = stdout.trimEnd().split('\n')
  assert.is(signal, null, `it died at: ${lines.at(-1)}`)
  assert.equal(
    lines.flatMap((line, i) => (line.startsWith('WRONG') ? [`${lines[i - 1]}: ${line}`] : [])),
    [],
  )
  assert.is(lines.at(-1), 'done', stderr)
})

test.run()
