// Finds files that need each other in a circle: imports of lib, those of types alone included, and includes of native and
// cuda. Prints each circle and exits with 1 where there is one.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { filesUnder, root } from './files.mjs'

/** `import x from '..'`, `export x from '..'`, `import '..'`, `import('..')`, `require('..')`: relative paths only. */
const imports = /\b(?:from|import|require)\s*\(?\s*['"](\.[^'"]+)['"]/g
const includes = /^\s*#\s*include\s*"([^"]+)"/gm
/** Where an include is looked for, after the folder of the file that has it; as in CMakeLists.txt. */
const includeRoots = [root]

const sourceOf = (path) => [path.replace(/js$/, 'ts'), path.replace(/\.([cm]?)js$/, '.d.$1ts')]

const languages = [
  {
    files: filesIn(['lib'], /\.[cm]?ts$/),
    needs: imports,
    places: (file, path) => sourceOf(join(dirname(file), path)),
  },
  {
    files: filesIn(['native', 'cuda'], /\.(h|cc|cu|cuh|inc)$/),
    needs: includes,
    places: (file, path) => [dirname(file), ...includeRoots].map((folder) => join(folder, path)),
  },
]

function filesIn(folders, name) {
  return folders.flatMap((folder) => filesUnder(join(root, folder))).filter((file) => name.test(file))
}

/** Each circle as the files along it. Every group of files that need each other shows at least one. */
function circles({ files, needs, places }) {
  const found = []
  const path = []
  const state = new Map()
  const visit = (file) => {
    state.set(file, 'on the path')
    path.push(file)
    for (const [, needed] of readFileSync(file, 'utf8').matchAll(needs)) {
      const next = places(file, needed).find((place) => existsSync(place))
      if (next === undefined) continue
      if (!state.has(next)) visit(next)
      else if (state.get(next) === 'on the path') found.push([...path.slice(path.indexOf(next)), next])
    }
    path.pop()
    state.set(file, 'done')
  }
  for (const file of files) if (!state.has(file)) visit(file)
  return found
}

const found = languages.flatMap(circles)
for (const files of found)
  console.error(`Files need each other: ${files.map((file) => relative(root, file)).join(' -> ')}`)
if (found.length > 0) process.exitCode = 1
