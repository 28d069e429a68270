/**
 * What a report does in the browser: it keeps the chosen colours, and on the map it moves between faces by the arrow keys and
 * shows the one that is pointed at or focused. Without it everything is still there to read, but for the larger faces.
 */
export const script = `'use strict'
for (const radio of document.querySelectorAll('.theme input')) {
  radio.addEventListener('change', () => { try { localStorage.setItem('facenet-theme', radio.value) } catch {} })
  try { if (localStorage.getItem('facenet-theme') === radio.value) radio.checked = true } catch {}
}
for (const map of document.querySelectorAll('.map')) {
  const points = [...map.querySelectorAll('[role=option]')]
  const card = map.querySelector('.card')
  const [face, other] = card.querySelectorAll('.face')
  const [name, near] = card.querySelectorAll('p')
  let current = points[0]
  const copy = (from, to) => {
    to.className = from.dataset.face
    to.setAttribute('style', from.dataset.cell)
  }
  const show = (point) => {
    const nearest = points[point.dataset.nearest]
    copy(point, face)
    copy(nearest, other)
    name.textContent = point.dataset.name
    near.textContent = 'nearest, at ' + point.dataset.distance + ': ' + nearest.dataset.name
    card.hidden = false
    const [x, y] = [point.offsetLeft, point.offsetTop]
    const left = Math.min(Math.max(x - card.offsetWidth / 2, 4), map.clientWidth - card.offsetWidth - 4)
    const above = y - card.offsetHeight - 22
    card.style.left = left + 'px'
    card.style.top = (above > 4 ? above : y + 22) + 'px'
  }
  const choose = (point) => {
    current.tabIndex = -1
    current.setAttribute('aria-selected', 'false')
    current = point
    point.tabIndex = 0
    point.setAttribute('aria-selected', 'true')
  }
  const towards = (key) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key]
    let [best, least] = [undefined, Infinity]
    for (const point of points) {
      const [x, y] = [point.offsetLeft - current.offsetLeft, point.offsetTop - current.offsetTop]
      const ahead = x * dx + y * dy
      const cost = ahead + 2 * Math.abs(x * dy + y * dx)
      if (ahead > 0 && cost < least) [best, least] = [point, cost]
    }
    return best
  }
  map.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') card.hidden = true
    const next = event.key.startsWith('Arrow') ? towards(event.key)
      : event.key === 'Home' ? points[0] : event.key === 'End' ? points.at(-1) : undefined
    if (event.key.startsWith('Arrow') || next) event.preventDefault()
    next?.focus()
  })
  const pointOf = (event) => event.target.closest('[role=option]')
  map.addEventListener('focusin', (event) => { const point = pointOf(event); if (point) { choose(point); show(point) } })
  map.addEventListener('focusout', () => { card.hidden = true })
  map.addEventListener('pointerover', (event) => { const point = pointOf(event); if (point) show(point) })
  map.addEventListener('pointerleave', () => {
    if (map.contains(document.activeElement) && document.activeElement.role === 'option') show(current)
    else card.hidden = true
  })
}
`
