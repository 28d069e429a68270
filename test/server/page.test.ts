/** The page to try a server, in Chromium: photographs, boxes, distances and neighbours, under a policy that lets nothing else in. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { noBrowser, type Opened, withPage } from '../report/browser.js'
import { photograph, startSmall } from './support.js'

const pages = suite('pages')

const files = async () =>
  Promise.all(
    [{ red: 40, green: 90 }, { blue: 60 }, {}].map(async (faces, i) => ({
      name: `<img src=x onerror=window.hacked=1>${i}.png`,
      mimeType: 'image/png',
      buffer: await photograph(faces),
    })),
  )

/** What hostile text of a gallery would do. */
const hostile = '<img src=x onerror=window.hacked=1>.jpg'

async function quiet({ page, complaints, requests }: Opened): Promise<void> {
  await page.waitForTimeout(100)
  assert.equal([complaints, requests], [[], []])
  assert.is(await page.evaluate('typeof hacked'), 'undefined')
}

pages('photographs: boxes where faces are, distances of all pairs, neighbours of the gallery', async () => {
  const gallery = {
    rows: 1,
    search: async ({ rows }: { rows: number }) =>
      Array.from({ length: rows }, () => [{ path: hostile, distance: 0.25 }]),
    close: async () => {},
  }
  await using server = await startSmall({}, gallery)
  await withPage(server.address, {}, async (opened) => {
    const { page } = opened
    const [two, one] = await files()
    await page.locator('#files').setInputFiles([two!, one!])
    await page.locator('figure').nth(1).waitFor()
    await page.locator('#distances tbody tr').nth(2).waitFor()
    const widths = await page.locator('rect').evaluateAll((all) => all.map((rect) => rect.getAttribute('width')))
    assert.equal(widths, ['90', '40', '60'])
    const rows = await page
      .locator('#distances tbody tr')
      .evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map(({ textContent }) => textContent)))
    for (const [i, row] of rows.entries()) {
      for (const [j, text] of row.entries()) {
        assert.is(text === '', i === j)
        assert.is(text, rows[j]![i])
      }
    }
    assert.is(await page.locator('figcaption').nth(1).textContent(), `3: ${hostile} (0.250)`)
    await quiet(opened)
  })
})

pages('what goes wrong is said: a photograph without a face, and a missing key', async () => {
  await using server = await startSmall({ apiKey: 'a key of many letters' })
  await withPage(server.address, {}, async (opened) => {
    const { page } = opened
    const [, one, nobody] = await files()
    const said = page.locator('#said')
    await page.locator('#files').setInputFiles([one!])
    await said.filter({ hasText: 'An API key is needed' }).waitFor()
    await page.locator('#key').fill('a key of many letters')
    await page.locator('#files').setInputFiles([nobody!])
    await said.filter({ hasText: 'a face in image but found none' }).waitFor()
    await page.locator('#files').setInputFiles([one!])
    await page.locator('rect').waitFor({ state: 'attached' })
    assert.is(await said.textContent(), '')
    // The browser says of itself which answers were errors.
    const own = opened.complaints.filter((line) => !/Failed to load resource.*(401|422)/.test(line))
    await quiet({ ...opened, complaints: own })
  })
})

pages('the list of routes', async () => {
  await using server = await startSmall()
  await withPage(server.address, {}, async (opened) => {
    const { page } = opened
    await page.getByRole('link', { name: 'Routes' }).click()
    await page.getByRole('heading', { name: 'POST /v1/embed' }).waitFor()
    await quiet(opened)
  })
})

if (noBrowser) {
  const skipped = suite(`pages are not opened: ${noBrowser}`)
  skipped.skip('in Chromium', () => {})
  skipped.run()
} else {
  pages.run()
}
