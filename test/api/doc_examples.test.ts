/**
 * The examples in doc comments compile. Each is a module of its own, which sees what the package's entries export and the few
 * things that examples take for granted.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const entries = [
  'index',
  'convert/index',
  'evaluation/index',
  'training/index',
  'report/index',
  'files/index',
  'stores/index',
]

/** What examples take for granted, beside what is exported. */
const granted = {
  model: 'Model',
  detector: 'Detector',
  trainer: 'Trainer',
  loop: 'Loop',
  faces: 'FaceStore',
  settings: 'LoopSettings',
  /** Network inputs, and who is on each. */
  images: 'Uint8Array',
  labels: 'Int32Array',
  photographs: 'string[]',
  rows: 'Embeddings',
  labeled: 'LabeledEmbeddings',
  gallery: 'Gallery',
  embedding: 'Float32Array',
  /** Of pairs: how far apart, one person or not, in which fold. */
  distances: 'Float64Array',
  same: 'boolean[]',
  folds: 'Int32Array',
  loadFace: 'FaceLoader',
}

interface Example {
  file: string
  line: number
  code: string
}

function examplesOf(file: string): Example[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/@example\s*\n\s*\* ```ts\n([\s\S]*?)\* ```/g)].map(({ 1: code, index }) => ({
    file: relative(root, file),
    line: text.slice(0, index).split('\n').length + 2,
    code: code!.replace(/^\s*\* ?/gm, ''),
  }))
}

const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.ts$/.test(name),
)
const examples = sources.flatMap((name) => examplesOf(join(root, 'lib', name)))

const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), {}, { ...ts.sys } as never)!
/** Beside the entries, so that what is imported is found. */
const at = (name: string) => join(root, 'lib', name)
const context = at('context.d.ts')

/** Values that entries export, as globals; types by way of `granted` only. */
function contextText(): string {
  const program = ts.createProgram(
    entries.map((entry) => at(`${entry}.ts`)),
    config.options,
  )
  const checker = program.getTypeChecker()
  const homes = new Map<string, string>()
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(at(`${entry}.ts`))!)!
    for (const { name } of checker.getExportsOfModule(module)) if (!homes.has(name)) homes.set(name, `./${entry}.js`)
  }
  const values = [...homes].map(([name, home]) => `  export { ${name} } from '${home}'`)
  return values.join('\n')
}

/** Names that an example declares or imports itself, wherever in it. */
function declaredIn(code: string): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    const declares = ts.isVariableDeclaration(node) || ts.isBindingElement(node) || ts.isImportSpecifier(node)
    if (declares && ts.isIdentifier(node.name)) names.add(node.name.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2023))
  return names
}

test('there are examples', () => {
  assert.ok(examples.length > 60, `${examples.length}`)
})

test('examples in doc comments compile', () => {
  const names = contextText()
  const imported = [...names.matchAll(/\{ (\w+) \} from ('[^']+')/g)]
  const texts = new Map<string, string>()
  for (const [i, { code }] of examples.entries()) {
    const own = declaredIn(code)
    const used = imported.filter(([, name]) => new RegExp(`\\b${name}\\b`).test(code) && !own.has(name!))
    const lines = used.map(([, name, home]) => `import { ${name} } from ${home}`)
    texts.set(at(`example_${i}.ts`), `${lines.join(';')}; export {};\n${code}`)
  }
  const types = new Map(imported.map(([, name, home]) => [name!, home!]))
  const declared = Object.entries(granted).map(([name, type]) => {
    const plain = type.replace(/\[\]$/, '')
    const home = types.get(plain)
    return `  var ${name}: ${home ? `import(${home}).${type}` : type}`
  })
  texts.set(context, `export {}\ndeclare global {\n${declared.join('\n')}\n}\n`)
  const host = ts.createCompilerHost(config.options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (name) => texts.has(name) || fileExists(name)
  host.readFile = (name) => texts.get(name) ?? readFile(name)
  host.getSourceFile = (name, version, ...rest) => {
    const text = texts.get(name)
    return text === undefined ? getSourceFile(name, version, ...rest) : ts.createSourceFile(name, text, version)
  }
  const program = ts.createProgram([...texts.keys()], { ...config.options, verbatimModuleSyntax: false }, host)
  const faults = [...texts.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)!
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map(({ start, messageText }) => {
      const { file: source, line } = examples[Number(/example_(\d+)/.exec(name)?.[1])] ?? { file: name, line: 0 }
      const inside = file.getLineAndCharacterOfPosition(start ?? 0).line - 1
      return `${source}:${line + inside} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
  })
  assert.equal(faults, [])
})

test.run()
