/** NOTICE and the software bill of materials name what is installed, with its licence. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))

interface Component {
  name: string
  version: string
  licenses: [{ license: { id: string } } | { expression: string }]
  description?: string
}

test('each package of an installation is in the bill of materials and in NOTICE', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path('scripts/sbom.mjs')], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  const bom = JSON.parse(stdout) as { bomFormat: string; components: Component[] }
  assert.is(bom.bomFormat, 'CycloneDX')
  const notice = readFileSync(path('NOTICE'), 'utf8').split('\n')
  const packages = bom.components.filter(({ description }) => description === undefined)
  for (const name of ['sharp', 'undici', 'yauzl']) assert.ok(packages.some((each) => each.name === name))
  for (const { name, licenses } of packages) {
    const [license] = licenses
    const id = 'license' in license ? license.license.id : license.expression.replace(/[()]/g, '')
    const line = notice.find((each) => each.trim().split(/\s{2,}/)[0] === name)
    assert.ok(line?.includes(id), `NOTICE has ${line ?? 'nothing'} for ${name}, ${id}`)
  }
})

test.run()
