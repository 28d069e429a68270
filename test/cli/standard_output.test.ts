/** Who reads stdout may stop, a disk may be full, and names may hold what controls a terminal. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { printable, printableName } from '../../lib/cli/common/printable.js'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { commandLine, facenet, jsonLines, writeSmallModel } from './support.js'

const cwd = fileURLToPath(new URL('../..', import.meta.url))
const input = { inputSize: { height: 140, width: 116 } }

async function withFaces(names: string[], use: (folder: string, model: string) => Promise<void>) {
  const pngs = await asPngs(input, pixels(input, names.length))
  await withFolder(Object.fromEntries(names.map((name, i) => [`faces/${name}`, pngs[i]!])), async (folder) => {
    await writeSmallModel(join(folder, 'm.safetensors'))
    await use(folder, join(folder, 'm.safetensors'))
  })
}

/** All but line ends and tabs. */
const controls = /(?![\n\t])[\p{Cc}\u202e]/u

const count = 40
const names = Array.from({ length: count }, (_, i) => `${String(i).padStart(3, '0')}.png`)

test('a reader that stops after a line does not keep --out from being written', async () => {
  await withFaces(names, async (folder, model) => {
    const words = ['embed', join(folder, 'faces'), '--align', 'none', '--model', model, '--json', '--batch-size', '2']
    for (const out of [[], ['--out', join(folder, 'x.jsonl')]]) {
      const child = spawn(process.execPath, [...commandLine, ...words, ...out], { cwd })
      child.stdout.once('data', () => child.stdout.destroy())
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
      })
      const code = await new Promise((resolve) => child.on('exit', resolve))
      assert.is(code, 0, stderr)
      if (out.length > 0) assert.match(stderr, `${count} images embedded`)
    }
    assert.is(jsonLines(await readFile(join(folder, 'x.jsonl'), 'utf8')).length, count)
    assert.equal((await readdir(folder)).sort(), ['faces', 'm.safetensors', 'x.jsonl'])
  })
})

const full = existsSync('/dev/full') ? test : test.skip
full('a full disk under stdout is said, and leaves no file', async () => {
  await withFaces(['a.png'], async (folder, model) => {
    const words = ['embed', join(folder, 'faces'), '--align', 'none', '--model', model, '--json']
    for (const more of [[], ['--out', join(folder, 'x.npy')]]) {
      const command = [process.execPath, ...commandLine, ...words, ...more]
      const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$@" > /dev/full', ...command], { cwd, encoding: 'utf8' })
      assert.is(status, 1)
      assert.match(stderr, /error: Cannot write stdout: ENOSPC: no space left on device, write \(ERR_FACENET_IO\)/)
      assert.equal((await readdir(folder)).sort(), ['faces', 'm.safetensors'])
    }
  })
})

full('--out /dev/null keeps the device, and --out to a link keeps the link', async () => {
  await withFaces(['a.png'], async (folder, model) => {
    const how = ['--align', 'none', '--model', model, '--quiet']
    const link = join(folder, 'link.jsonl')
    assert.is(spawnSync('ln', ['-s', '/dev/stdout', link]).status, 0)
    const { code, stdout } = await facenet('embed', join(folder, 'faces'), ...how, '--out', link)
    assert.is(code, 0)
    assert.is(jsonLines<{ path: string }>(stdout)[0]!.path, join(folder, 'faces', 'a.png'))
    assert.equal((await readdir(folder)).sort(), ['faces', 'link.jsonl', 'm.safetensors'])
  })
})

test('names do not reach the terminal as commands', async () => {
  const bad = 'a\u001b]0;title\u0007\u009b31m\u202egnp.png'
  await withFaces([bad, 'tab\tline\n.png'], async (folder, model) => {
    await writeFile(join(folder, 'faces', `none${bad}`), 'text')
    const how = [join(folder, 'faces'), '--align', 'none', '--model', model]
    const plain = await facenet('embed', ...how)
    for (const text of [plain.stdout, plain.stderr]) {
      assert.not.match(text, controls)
      assert.match(text, 'a\\u001b]0;title\\u0007\\u009b31m\\u202egnp.png')
    }
    assert.is(plain.code, 1)
    assert.is(plain.stdout.trimEnd().split('\n').length, 2)
    assert.match(plain.stdout, 'tab\\u0009line\\u000a.png\t')
    const json = await facenet('embed', '--json', ...how)
    assert.not.match(json.stdout, controls)
    assert.is(jsonLines<{ path: string }>(json.stdout)[0]!.path, join(folder, 'faces', bad))
  })
  const words = await facenet('embed', '--\u001b[31m')
  assert.not.match(words.stderr, '\u001b')
})

test('what is printable stays as it is', () => {
  assert.is(printable('é 顔\n\t😀 "\\'), 'é 顔\n\t😀 "\\')
  assert.is(printable('\r\u0000\u2066'), '\\u000d\\u0000\\u2066')
  assert.is(printableName('a\nb\tc'), 'a\\u000ab\\u0009c')
})

test.run()
