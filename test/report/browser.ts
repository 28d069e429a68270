/** Debian's Chromium, without a window, on one page; what it complains of and asks the network for is kept. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium, type Page } from 'playwright-core'

export const executablePath = process.env.FACENET_CHROMIUM ?? '/usr/bin/chromium'

/** Why there is no browser; undefined where there is one. */
export const noBrowser = existsSync(executablePath) ? undefined : `${executablePath} is missing`

const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Opened {
  page: Page
  /** Errors of scripts, and warnings and errors on the console, refusals by the page's policy among them. */
  complaints: string[]
  /** Addresses that were asked for, but for the page itself and what is written out in it. */
  requests: string[]
}

/** `file`: its path, or the address of a server, whose own files it may ask for. */
export async function withPage(
  file: string,
  { width = 1280, height = 900, dark = false },
  use: (opened: Opened) => Promise<void>,
): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'facenet-chromium-'))
  const address = file.startsWith('http://') ? `${file}/` : pathToFileURL(file).href
  const opened: Omit<Opened, 'page'> = { complaints: [], requests: [] }
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
  })
  try {
    const page = await context.newPage()
    page.on('pageerror', (error) => opened.complaints.push(error.message))
    page.on('console', (message) => opened.complaints.push(`${message.type()}: ${message.text()}`))
    page.on('request', (request) => {
      const url = request.url()
      const own = address.startsWith('http:') ? url.startsWith(address) || url.startsWith('blob:') : url === address
      if (!own && !url.startsWith('data:')) opened.requests.push(url)
    })
    await page.goto(address)
    await use({ page, ...opened })
  } finally {
    await context.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

const inPage = new URL('./in_page.js', import.meta.url)

/** Runs a function of in_page.js within the page, as text: so it needs no types of a browser, and no policy forbids it. */
export async function ask<Answer>(page: Page, name: string): Promise<Answer> {
  const text = await readFile(inPage, 'utf8')
  return page.evaluate(`(() => { ${text}\nreturn ${name}() })()`)
}
