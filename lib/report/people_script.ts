/**
 * What the report of a gallery does in the browser: it makes a list of edits of what was changed, as `facenet gallery apply` takes it.
 * Rejections, locks and hidden people come first, by the names that the gallery has; then merges, each into one who is still there; new
 * names last. A name that somebody else has, or gets in the same list, makes the two one.
 */
export const peopleScript = `
const plates = [...document.querySelectorAll('.person')]
if (plates.length > 0 || document.querySelector('.whose')) {
  const button = document.getElementById('save-edits')
  const says = document.getElementById('edit-count')
  let saved = '[]'
  const edits = () => {
    const list = []
    const into = new Map()
    const names = new Map()
    const root = (person) => { while (into.has(person)) person = into.get(person); return person }
    const there = new Set(plates.map((plate) => plate.dataset.person))
    const wanted = (plate) => plate.querySelector('.name').value.trim()
    for (const plate of plates) {
      const person = plate.dataset.person
      const faces = [...plate.querySelectorAll('.reject:checked')].map((box) => box.dataset.face)
      if (faces.length > 0) list.push({ edit: 'reject', faces, person })
      for (const [name, on, off] of [['lock', 'lock', 'unlock'], ['hide', 'hide', 'show']]) {
        const box = plate.querySelector('.' + name)
        if (box.checked !== box.defaultChecked) list.push({ edit: box.checked ? on : off, person })
      }
    }
    const merge = (person, other) => {
      const [from, to] = [root(person), root(other)]
      if (from === to) return
      list.push({ edit: 'merge', people: [from], into: to })
      into.set(from, to)
    }
    const changed = plates.filter((plate) => {
      const name = plate.querySelector('.name')
      return wanted(plate) !== '' && wanted(plate) !== name.defaultValue && wanted(plate) !== plate.dataset.person
    })
    const renamed = new Set(changed.map((plate) => plate.dataset.person))
    // A name whose owner gets another one is free; person-12 is always who had it.
    const taken = (name) => there.has(name) && (/^person-\\d+$/.test(name) || !renamed.has(name))
    for (const plate of changed) if (taken(wanted(plate))) merge(plate.dataset.person, wanted(plate))
    for (const plate of changed) {
      const name = wanted(plate)
      if (taken(name)) continue
      if (names.has(name)) merge(plate.dataset.person, names.get(name))
      else names.set(name, plate.dataset.person)
    }
    const named = []
    for (const [name, person] of names) if (!/^person-\\d+$/.test(name) && !into.has(person)) named.push({ edit: 'name', person, name })
    // Of names that change hands, one that is still had comes after its owner has another.
    while (named.length > 0) {
      const at = named.findIndex(({ name, person }) => !named.some((other) => other.person === name && other.person !== person))
      list.push(...named.splice(Math.max(at, 0), 1))
    }
    for (const field of document.querySelectorAll('.whose')) {
      const name = field.value.trim()
      if (name === '') continue
      const person = taken(name) ? root(name) : name
      list.push({ edit: 'assign', faces: [field.dataset.face], person })
    }
    return list
  }
  const tell = () => {
    const list = edits()
    button.disabled = list.length === 0
    const unsaved = JSON.stringify(list) !== saved
    says.textContent = list.length === 0 ? 'Nothing is changed.' : list.length + (list.length === 1 ? ' edit' : ' edits') + (unsaved ? ', not saved.' : ', saved.')
  }
  for (const kind of ['input', 'change']) document.addEventListener(kind, tell)
  button.addEventListener('click', () => {
    const list = edits()
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([JSON.stringify(list, null, 2) + '\\n'], { type: 'application/json' }))
    link.download = 'edits.json'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10000)
    saved = JSON.stringify(list)
    tell()
  })
  addEventListener('beforeunload', (event) => {
    const list = JSON.stringify(edits())
    if (list !== '[]' && list !== saved) event.preventDefault()
  })
  tell()
}
`
