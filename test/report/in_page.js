// biome-ignore-all lint/correctness/noUnusedVariables: tests call these functions by their names.
// Functions that tests run within a page; browser.ts hands this file over as text.

/** What a page must keep to for readers who do not see it. Returns what is wrong. */
function auditStructure() {
  const wrong = []
  const all = (selector) => [...document.querySelectorAll(selector)]
  const say = (element, what) => wrong.push(`${element.outerHTML.slice(0, 120)}: ${what}`)
  for (const selector of ['header', 'main', 'nav[aria-label]', 'h1', 'html[lang]', 'head > title', 'a.skip']) {
    if (all(selector).length !== 1) wrong.push(`${all(selector).length} of ${selector}`)
  }
  let level = 1
  for (const heading of all('h1, h2, h3, h4')) {
    const next = Number(heading.tagName[1])
    if (next > level + 1) say(heading, `follows a heading of level ${level}`)
    level = next
  }
  const ids = all('[id]').map((element) => element.id)
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`id ${id} more than once`)
  for (const element of all('[aria-labelledby]')) {
    for (const id of element.getAttribute('aria-labelledby').split(' ')) {
      if (!document.getElementById(id)?.textContent?.trim()) say(element, `its label ${id} is missing`)
    }
  }
  for (const link of all('a[href^="#"]')) {
    if (!document.getElementById(link.getAttribute('href').slice(1))) say(link, 'leads nowhere')
  }
  for (const table of all('table')) {
    if (!table.querySelector('caption')?.textContent?.trim()) say(table, 'no caption')
    for (const cell of table.querySelectorAll('th')) if (!cell.hasAttribute('scope')) say(cell, 'no scope')
  }
  for (const svg of all('svg:not([aria-hidden])')) {
    const named = svg.getAttribute('role') === 'img' && svg.querySelector('title')?.textContent
    if (!named || !svg.querySelector('desc')?.textContent) say(svg, 'not described')
  }
  for (const image of all('[role=img]')) {
    if (!image.getAttribute('aria-label') && !image.getAttribute('aria-labelledby')) say(image, 'no name')
  }
  return wrong
}

/** Texts that stand out too little from what is behind them: below 4.5 to 1, or 3 to 1 where they are large (WCAG AA). */
function auditContrast() {
  const wrong = []
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const v = value / 255
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor)
      if (colour[3] === 255) return colour
    }
    return [255, 255, 255]
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement
    if (!text.textContent.trim() || !element.checkVisibility() || element.closest('script, title, desc')) continue
    const style = getComputedStyle(element)
    const front = rgba(element.closest('svg') ? style.fill : style.color)
    const [light, dark] = [luminance(front), luminance(behind(element))].sort((a, b) => b - a)
    const ratio = (light + 0.05) / (dark + 0.05)
    const size = Number.parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (large ? 3 : 4.5)) wrong.push(`${text.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)} to 1`)
  }
  return wrong
}

/** The element that has the focus. */
function focused() {
  const { role, dataset, ariaSelected } = document.activeElement
  return {
    role,
    name: dataset.name,
    chosen: ariaSelected,
    outline: getComputedStyle(document.activeElement).outlineStyle,
  }
}

function openDetails() {
  for (const details of document.querySelectorAll('details')) details.open = true
}

/** The names of the faces on the map. */
function mapNames() {
  return [...document.querySelectorAll('[role=option]')].map((point) => point.dataset.name)
}

/** What the card's pictures start with. */
function cardPictures() {
  return [...document.querySelectorAll('.card .face')].map((face) =>
    getComputedStyle(face).backgroundImage.slice(0, 15),
  )
}

const paper = () => getComputedStyle(document.body).backgroundColor
const pageWidth = () => document.documentElement.scrollWidth
const hacked = () => String(window.hacked)
