/** Bundles: with the package outside they work, and with it inside they say what to do. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Format } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const addon = join(root, 'lib/native/addon.ts')
const source = (from: string, call: string) => `
  import { ${call} } from ${JSON.stringify(from)}
  try { console.log(JSON.stringify({ answer: ${call}() !== undefined })) }
  catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`

/** What a bundle of `text` prints, in a folder outside this package. */
async function run(text: string, format: Format, external: string[], environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'facenet-bundle-'))
  try {
    // As npm would lay it out: what stays outside the bundle lies beside it.
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/facenet-native'))
    const entry = join(folder, 'app.ts')
    writeFileSync(entry, text)
    const outfile = join(folder, format === 'esm' ? 'out.mjs' : 'out.cjs')
    await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format, external, logLevel: 'silent' })
    const env = { ...process.env, FACENET_ADDON: '', ...environment }
    const { stdout, stderr } = spawnSync(process.execPath, [outfile], { cwd: folder, encoding: 'utf8', env })
    assert.ok(stdout, stderr)
    return JSON.parse(stdout) as { answer?: boolean; code?: string; message?: string }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const format of ['cjs', 'esm'] as const) {
  test(`esbuild, ${format}: kept outside, the package works`, async () => {
    assert.equal(await run(source('facenet-native', 'devices'), format, ['facenet-native']), { answer: true })
  })

  test(`esbuild, ${format}: bundled, it says that it must stay outside, and not that it is to be built`, async () => {
    const { code, message } = await run(source(addon, 'native'), format, [])
    assert.is(code, 'ERR_FACENET_ADDON_NOT_FOUND')
    assert.match(
      message!,
      /this code was bundled.*--external:facenet-native.*serverExternalPackages.*docs\/bundlers\.md/,
    )
    assert.not.match(message!, /To build it/)
  })
}

test('a bundle of CommonJS may be told where the addon lies', async () => {
  const FACENET_ADDON = process.env.FACENET_ADDON || join(root, 'build/cmake/Release/facenet.node')
  assert.equal(await run(source(addon, 'native'), 'cjs', [], { FACENET_ADDON }), { answer: true })
})

test.run()
