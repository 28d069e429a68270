/** What the page to try the server does: it sends each photograph, draws the boxes, and compares all faces that were found. */
export const script = `const byId = (id) => document.getElementById(id)
const faces = []
let known

const headers = () => {
  const key = byId('key')?.value
  return key ? { authorization: 'Bearer ' + key } : {}
}

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers() })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error.message)
  return answer
}

function form(file) {
  const body = new FormData()
  body.append('image', file)
  return { method: 'POST', body }
}

async function add(file) {
  known ??= await ask('/v1/info')
  const { faces: found } = await ask('/v1/embed', form(file))
  const neighbors = known.gallery === null ? [] : (await ask('/v1/search?k=1', form(file))).faces
  const numbered = found.map((face, i) => ({ ...face, near: neighbors[i], number: faces.length + i + 1 }))
  faces.push(...numbered)
  await show(file, numbered)
  compare()
}

async function show(file, found) {
  const figure = document.createElement('figure')
  const image = new Image()
  image.src = URL.createObjectURL(file)
  image.alt = found.length + ' faces'
  await image.decode()
  figure.append(image, drawing(image, found))
  const caption = document.createElement('figcaption')
  caption.textContent = found
    .filter(({ near }) => near)
    .map(({ near, number }) => number + ': ' + (near.match ?? 'nobody') + describe(near.neighbors[0]))
    .join(', ')
  figure.append(caption)
  byId('photographs').append(figure)
}

const describe = (nearest) => (nearest ? ' (' + nearest.distance.toFixed(3) + ')' : '')

function drawing(image, found) {
  const make = (name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name)
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
    return element
  }
  const svg = make('svg', { viewBox: '0 0 ' + image.naturalWidth + ' ' + image.naturalHeight, 'aria-hidden': 'true' })
  for (const { box, number } of found) {
    if (!box) continue
    const label = make('text', { x: box.x, y: box.y + box.height, 'font-size': Math.max(12, box.height / 4) })
    label.textContent = number
    svg.append(make('rect', box), label)
  }
  return svg
}

function compare() {
  const table = byId('distances')
  table.hidden = faces.length < 2
  const row = (cells) => {
    const element = document.createElement('tr')
    element.append(...cells)
    return element
  }
  const cell = (name, text, className = '') => Object.assign(document.createElement(name), { textContent: text, className })
  const head = row([cell('th', ''), ...faces.map(({ number }) => cell('th', number))])
  table.tHead.replaceChildren(head)
  table.tBodies[0].replaceChildren(
    ...faces.map((a) =>
      row([
        cell('th', a.number),
        ...faces.map((b) => {
          if (a === b) return cell('td', '')
          const distance = a.embedding.reduce((sum, value, i) => sum + (value - b.embedding[i]) ** 2, 0)
          return cell('td', distance.toFixed(3), known.threshold !== null && distance < known.threshold ? 'same' : '')
        }),
      ]),
    ),
  )
}

async function addAll(files) {
  byId('said').textContent = ''
  for (const file of files) {
    await add(file).catch((error) => {
      byId('said').textContent += error.message + ' '
    })
  }
}

byId('key')?.form.addEventListener('submit', (event) => event.preventDefault())
const drop = byId('drop')
drop.addEventListener('dragover', (event) => {
  event.preventDefault()
  drop.classList.add('over')
})
drop.addEventListener('dragleave', () => drop.classList.remove('over'))
drop.addEventListener('drop', (event) => {
  event.preventDefault()
  drop.classList.remove('over')
  void addAll(event.dataTransfer.files)
})
byId('files').addEventListener('change', ({ target }) => void addAll(target.files))
`
