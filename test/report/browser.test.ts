/** Reports as their readers meet them: real ones, opened in Chromium, read by hand, by keyboard and on a phone. */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { writeModel } from '../../lib/files/model/model_file.js'
import { openSource } from '../../lib/sources/index.js'
import { asPngs, pixels } from '../api/support.js'
import { facenet, writeSmallModel } from '../cli/support.js'
import { ask, noBrowser, type Opened, withPage } from './browser.js'

const data = process.env.FACENET_DATA ?? '../shared/data'
const archive = join(data, 'lfw/lfw.tar')
const weights = join(data, 'weights/mobilefacenet_192.safetensors')
const real = existsSync(archive) && existsSync(weights)

let folder: string
const path = (name: string) => join(folder, name)

/** Images of `people/`, their model, and how they are aligned: photographs where there are any, else noise. */
async function makePeople(): Promise<string[]> {
  const model = path('model.safetensors')
  if (!real) {
    await writePeople(path('people'), await noise(12))
    await writeSmallModel(model)
    return ['--model', model, '--align', 'none']
  }
  const photographs = new Map<string, Uint8Array>()
  const counts = new Map<string, number>()
  for await (const { path, read } of openSource(archive)) {
    const [person, name] = path.split('/').slice(-2) as [string, string]
    if (!['Abdullah_Gul', 'Adrien_Brody', 'Aaron_Peirsol', 'Al_Gore', 'Alejandro_Toledo'].includes(person)) continue
    counts.set(person, (counts.get(person) ?? 0) + 1)
    if (counts.get(person)! <= 8) photographs.set(`${person}/${name}`, await read())
  }
  await writePeople(path('people'), photographs)
  await copyFile(archive.replace(/tar$/, 'tsv'), path('people.tsv'))
  const rule = { size: [112, 112], mean: 127.5, scale: 0.0078125 } as const
  const graph = weights.replace(/safetensors$/, 'graph.json')
  await writeModel(model, await importModel(weights, { graph, ...rule, name: 'mobilefacenet_192' }))
  return ['--model', model, '--align', 'points']
}

async function writePeople(to: string, images: Map<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of images) {
    await mkdir(join(to, name, '..'), { recursive: true })
    await writeFile(join(to, name), bytes)
  }
}

/** Two images of each person, whose names are what `name` says. */
async function noise(count: number, name = (i: number) => `Person_${i >> 1}/image_${i}.png`) {
  const input = { inputSize: { height: 140, width: 116 } }
  const pngs = await asPngs(input, pixels(input, count))
  return new Map(pngs.map((png, i) => [name(i), png]))
}

/** Names that would run a script, load a picture or turn the text around, were they taken for more than text. */
const hostile = [
  '<script>window.hacked=1<\u2215script>',
  '"><svg onload=window.hacked=1>',
  "' onfocus=window.hacked=1 x='",
  '<img src=http:\u2215\u2215127.0.0.1:9 onerror=window.hacked=1>',
  '\u202etxet eht snrut',
  '&lt;b&gt; {{x}}',
]

const reports = suite('reports')

reports.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-report-'))
  const model = await makePeople()
  const steps = Array.from({ length: 40 }, (_, i) => ({
    step: i + 1,
    loss: 1 / (i + 1),
    active: 90 - i,
    meanPositive: 1,
    meanNegative: 2,
    imagesPerSecond: 50,
    validation: i % 10 === 0 ? { accuracy: 0.5 + i / 100, val: i / 100 } : null,
  }))
  await mkdir(path('run'))
  await writeFile(path('run/progress.jsonl'), steps.map((step) => `${JSON.stringify(step)}\n`).join(''))
  const pairs = ['evaluate', 'pairs', path('people'), ...model, '--far', '0.1', '--report', path('pairs.html')]
  const made = await facenet(...pairs, '--run', path('run'))
  assert.is(made.code, 0, made.stderr)

  await writePeople(path('hostile'), await noise(12, (i) => `${hostile[i >> 1]}/${hostile[i >> 1]}${i}.png`))
  await writeSmallModel(path('small.safetensors'), 0.5)
  const options = ['--model', path('small.safetensors'), '--align', 'none', '--score-folders']
  const clusters = await facenet('cluster', path('hostile'), ...options, '--report', path('clusters.html'))
  assert.is(clusters.code, 0, clusters.stderr)
})

reports.after(() => rm(folder, { recursive: true, force: true }))

async function quiet({ page, complaints, requests }: Opened): Promise<void> {
  await page.waitForTimeout(100)
  assert.equal(complaints, [])
  assert.equal(requests, [])
  assert.is(await ask(page, 'hacked'), 'undefined')
}

for (const name of ['pairs', 'clusters']) {
  for (const dark of [false, true]) {
    reports(
      `${name}, ${dark ? 'dark' : 'light'}: silent, asks for nothing, well structured, and readable`,
      async () => {
        await withPage(path(`${name}.html`), { dark }, async (opened) => {
          const { page } = opened
          await ask(page, 'openDetails')
          assert.equal(await ask(page, 'auditStructure'), [])
          assert.equal(await ask(page, 'auditContrast'), [])
          await quiet(opened)
        })
      },
    )
  }

  reports(`${name} on a phone: nothing reaches beyond the screen`, async () => {
    await withPage(path(`${name}.html`), { width: 390, height: 844 }, async (opened) => {
      const width = await ask<number>(opened.page, 'pageWidth')
      assert.ok(width <= 390, `${width} pixels`)
      await quiet(opened)
    })
  })
}

reports('hostile names are shown as they are', async () => {
  await withPage(path('clusters.html'), {}, async (opened) => {
    const labels = await ask<string[]>(opened.page, 'mapNames')
    for (const [i, name] of hostile.entries()) {
      const shown = name.replace('\u202e', '\ufffd')
      assert.ok(labels.includes(`${shown}/${shown}${2 * i}.png`), `${shown} in ${labels.join('\n')}`)
    }
    await quiet(opened)
  })
})

reports('the map by keyboard: one stop, arrows to neighbours, the face larger, Escape', async () => {
  await withPage(path('pairs.html'), {}, async (opened) => {
    const { page } = opened
    const focused = () => ask<{ role: string; name?: string; chosen: string; outline: string }>(page, 'focused')
    let stops = 0
    for (; stops < 60 && (await focused()).role !== 'option'; stops++) await page.keyboard.press('Tab')
    const first = await focused()
    assert.is(first.role, 'option', `after ${stops} stops`)
    assert.is(first.chosen, 'true')
    assert.ok(await page.locator('.card').isVisible())
    assert.is(await page.locator('.card p').first().textContent(), first.name)
    assert.is(first.outline, 'solid')

    const seen = new Set([first.name])
    for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp', 'End', 'Home']) {
      await page.keyboard.press(key)
      seen.add((await focused()).name)
    }
    assert.ok(seen.size >= 3, [...seen].join(', '))
    assert.is(await page.locator('[role=option][tabindex="0"]').count(), 1)
    await page.keyboard.press('Escape')
    assert.not(await page.locator('.card').isVisible())
    await page.keyboard.press('Tab')
    assert.is.not((await focused()).role, 'option')
    await quiet(opened)
  })
})

reports('the map by hand: the face that is pointed at, and the one nearest to it', async () => {
  await withPage(path('pairs.html'), {}, async (opened) => {
    const { page } = opened
    const point = page.locator('[role=option]').nth(3)
    await point.scrollIntoViewIfNeeded()
    await point.hover({ force: true })
    assert.ok(await page.locator('.card').isVisible())
    assert.equal(await ask(page, 'cardPictures'), ['url("data:image', 'url("data:image'])
    assert.match((await page.locator('.card p').nth(1).textContent())!, /^nearest, at \d\.\d{3}: /)
    await page.mouse.move(2, 2)
    assert.not(await page.locator('.card').isVisible())
  })
})

reports('light and dark can be chosen by keyboard, and the choice stays', async () => {
  await withPage(path('pairs.html'), { dark: false }, async (opened) => {
    const { page } = opened
    const paper = () => ask<string>(page, 'paper')
    const light = await paper()
    await page.locator('.theme input').first().focus()
    await page.keyboard.press('ArrowRight')
    assert.is(await paper(), light)
    await page.keyboard.press('ArrowRight')
    const dark = await paper()
    assert.is.not(dark, light)
    await page.reload()
    assert.is(await paper(), dark)
    await quiet(opened)
  })
})

reports('the file holds its pictures and is of a bounded size', async () => {
  const text = await readFile(path('pairs.html'), 'utf8')
  assert.match(text, /url\(data:image\/webp;base64,/)
  assert.not.match(text, /(src|href)="(?!#)/)
  assert.ok(text.length < 2_000_000, `${text.length} characters`)
})

if (noBrowser) {
  console.log(`reports are not opened in a browser: ${noBrowser}`)
  const skipped = suite('reports')
  skipped.skip(`reports in a browser (skipped: ${noBrowser})`, () => {})
  skipped.run()
} else {
  reports.run()
}
