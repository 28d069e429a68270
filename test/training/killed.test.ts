/** A process that is killed at any moment while it saves leaves a complete checkpoint. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer } from '../../lib/index.js'
import { seeded } from '../support/random.js'
import { slow } from '../support/slow.js'

const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)

/** Resumes or starts, then steps and saves until it is killed. Prints a line a save that has ended. */
const script = (path: string) => `
  import { existsSync } from 'node:fs'
  import { createTrainer } from ${url('../../lib/index.js')}
  const path = ${JSON.stringify(path)}
  const options = { dimensions: 8, optimizer: 'adam', learningRate: 1e-3, strategy: 'hard', threads: 1 }
  const trainer = existsSync(path) ? await createTrainer.resume(path) : await createTrainer('nns2', options)
  const images = new Uint8Array(4 * 140 * 116 * 3).map((_, i) => i * 7919 + (i >> 9))
  for (;;) {
    await trainer.step(images, [0, 0, 1, 1])
    await trainer.save(path, { state: { steps: trainer.steps } })
    console.log(trainer.steps)
  }`

const temporaries = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith('.tmp'))

test('a loop of SIGKILLs during saves leaves the old checkpoint or the new one, complete', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-kill-'))
  const path = join(folder, 'checkpoint.safetensors')
  const random = seeded(3)
  let [steps, cut] = [0, 0]
  for (let round = 0; round < (slow ? 8 : 4); round++) {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script(path)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    let saved = 0
    child.stdout.setEncoding('utf8').on('data', (lines: string) => {
      saved = Number(lines.trim().split('\n').at(-1))
    })
    await once(child.stdout, 'data')
    // From the moment the next save opens its file until after its end.
    while (!(await temporaries(folder)).length) await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setTimeout(resolve, random.integer(0, 120)))
    child.kill('SIGKILL')
    await ended

    const temporary = await temporaries(folder)
    cut += temporary.length
    for (const name of temporary) await rm(join(folder, name))
    const trainer = await createTrainer.resume(path)
    // The save that was cut off may have got as far as its name, but not its line.
    assert.ok(trainer.steps === saved || trainer.steps === saved + 1, `${trainer.steps} after ${saved} saves`)
    assert.ok(trainer.steps > steps)
    assert.equal(trainer.state, { steps: trainer.steps })
    steps = trainer.steps
    trainer.dispose()
    if (
      await access(`${path}.previous`).then(
        () => true,
        () => false,
      )
    ) {
      const previous = await createTrainer.resume(`${path}.previous`)
      assert.ok(previous.steps === steps || previous.steps === steps - 1)
      previous.dispose()
    }
  }
  assert.ok(cut > 0, 'no save was cut off: the test has shown nothing')
  await rm(folder, { recursive: true })
})

test.run()
