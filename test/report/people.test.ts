/** The report of a gallery: people are edited in the browser, and what it saves is what `gallery apply` takes. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../lib/cli/usage_error.js'
import { openGallery } from '../../lib/index.js'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { command } from '../cli/support.js'
import { model, randomRows, rowOf } from '../gallery/support.js'
import { noBrowser, withPage } from './browser.js'

/** Faces p0 .. p8: three of Anna, three of person-2, two of person-3, and one of nobody, whose photograph is gone. */
async function withReport(use: (at: (name: string) => string) => Promise<void>) {
  const input = { inputSize: { height: 60, width: 50 } }
  const pngs = await asPngs(input, pixels(input, 8))
  await withFolder(Object.fromEntries(pngs.map((png, i) => [`p${i}.png`, png])), async (folder) => {
    const at = (name: string) => join(folder, name)
    {
      const preparation = { align: 'none', flip: false, decode: 1 } as const
      await using gallery = await openGallery(at('g.db'), { model, preparation })
      const rows = randomRows(9)
      const faces = Array.from({ length: 9 }, (_, i) => ({
        id: `p${i}`,
        embedding: rowOf(rows, i),
        image: at(`p${i}.png`),
      }))
      await gallery.addMany(faces)
      const split = (ids: string[], name?: string) => ({ edit: 'split' as const, faces: ids, ...(name && { name }) })
      await gallery.apply([split(['p0', 'p1', 'p2'], 'Anna <b>'), split(['p3', 'p4', 'p5']), split(['p6', 'p7'])])
    }
    const { ended, error } = await command('gallery', 'report', at('g.db'), '--out', at('people.html'))
    assert.is(ended, undefined)
    assert.match(error, /report written to/)
    await use(at)
  })
}

const people = async (path: string) => {
  await using gallery = await openGallery(path)
  const of: Record<string, string[]> = {}
  for await (const { id, person } of gallery.faces()) of[person ?? 'nobody'] = [...(of[person ?? 'nobody'] ?? []), id]
  return of
}

test('the page shows everybody, and is no longer than it needs to be', () =>
  withReport(async (at) => {
    const page = await readFile(at('people.html'), 'utf8')
    for (const text of [
      '3\u00a0people',
      'data-person="person-2"',
      'value="Anna &lt;b&gt;"',
      '1\u00a0face of which nobody',
      'data-face="p8"',
    ]) {
      assert.ok(page.includes(text), text)
    }
    assert.ok(page.length < 200_000)
    for (const words of [[], ['--out', at('x.npy')]]) {
      assert.ok((await command('gallery', 'report', at('g.db'), ...words)).ended instanceof UsageError)
    }
    assert.ok((await command('gallery', 'export', at('g.db'), '--out', at('x.html'))).ended instanceof UsageError)
  }))

if (noBrowser) test.skip(`names, merges and rejections are saved as edits: ${noBrowser}`, () => {})
else {
  test('names, merges, rejections and faces of nobody are saved as edits that apply', () =>
    withReport(async (at) => {
      await withPage(at('people.html'), {}, async ({ page, complaints, requests }) => {
        const plate = (person: string) => page.locator(`.person[data-person="${person}"]`)
        assert.ok(await page.locator('#save-edits').isDisabled())
        // The last of them becomes one with the first, whose name goes to the second: each in the order in which it can be done.
        await plate('person-3').locator('.name').fill('person-2')
        await plate('person-2').locator('.name').fill('Ben')
        await plate('Anna <b>').locator('.name').fill('Anna')
        await plate('Anna <b>').locator('.reject').nth(1).check()
        await plate('person-2').locator('.lock').check()
        await page.locator('.whose').fill('Eva')
        assert.match(String(await page.locator('#edit-count').textContent()), /edits, not saved/)
        const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save-edits').click()])
        assert.is(download.suggestedFilename(), 'edits.json')
        await download.saveAs(at('edits.json'))
        assert.match(String(await page.locator('#edit-count').textContent()), /edits, saved/)
        assert.equal([complaints, requests.filter((url) => !url.startsWith('blob:'))], [[], []])
      })
      assert.is((await command('gallery', 'apply', at('g.db'), at('edits.json'))).ended, undefined)
      assert.equal(await people(at('g.db')), {
        Anna: ['p0', 'p2'],
        nobody: ['p1'],
        Ben: ['p3', 'p4', 'p5', 'p6', 'p7'],
        Eva: ['p8'],
      })
      await using gallery = await openGallery(at('g.db'))
      assert.is((await gallery.people()).find(({ person }) => person === 'Ben')!.locked, true)
    }))

  test('names that change hands, and two who get one name', () =>
    withReport(async (at) => {
      await withPage(at('people.html'), {}, async ({ page }) => {
        const plate = (person: string) => page.locator(`.person[data-person="${person}"]`)
        await plate('Anna <b>').locator('.name').fill('Zoe')
        await plate('person-2').locator('.name').fill('Anna <b>')
        await plate('person-3').locator('.name').fill('Zoe')
        const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save-edits').click()])
        await download.saveAs(at('edits.json'))
      })
      const applied = await command('gallery', 'apply', at('g.db'), at('edits.json'))
      assert.is(applied.ended, undefined, String(applied.ended))
      const { nobody: _, ...named } = await people(at('g.db'))
      assert.equal(named, { Zoe: ['p0', 'p1', 'p2', 'p6', 'p7'], 'Anna <b>': ['p3', 'p4', 'p5'] })
    }))
}

test.run()
