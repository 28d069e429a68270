/** The package's entries: every type that an exported declaration mentions is exported, and both kinds of module agree. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.keys(exports).filter((name) => name !== './package.json')
const fileOf = (entry: string): string => join(root, exports[entry].import.types)

const program = ts.createProgram(entries.map(fileOf), {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
})
const checker = program.getTypeChecker()
const original = (symbol: ts.Symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
const exportsOf = (entry: string): ts.Symbol[] => {
  const source = checker.getSymbolAtLocation(program.getSourceFile(fileOf(entry))!)!
  return checker.getExportsOfModule(source).map(original)
}
const isOurs = (symbol: ts.Symbol) =>
  (symbol.declarations ?? []).some((at) => at.getSourceFile().fileName.startsWith(join(root, 'dist')))
const isTopLevel = (symbol: ts.Symbol) =>
  (symbol.declarations ?? []).some(({ parent }) => ts.isSourceFile(parent) || ts.isVariableDeclarationList(parent))

/** Types that declarations of an entry lead to and that neither it nor the main entry exports. */
function hidden(entry: string): string[] {
  const known = new Set([...exportsOf(entry), ...exportsOf('.')])
  const missing = new Set<string>()
  const seen = new Set<ts.Symbol>()
  const visitSymbol = (symbol: ts.Symbol): void => {
    if (seen.has(symbol)) return
    seen.add(symbol)
    for (const declaration of symbol.declarations ?? []) visit(declaration)
  }
  const visit = (node: ts.Node): void => {
    const named = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isTypeQueryNode(node)
          ? node.exprName
          : ts.isImportTypeNode(node)
            ? node.qualifier
            : undefined
    const found = named && checker.getSymbolAtLocation(named)
    if (found) {
      const symbol = original(found)
      if (isOurs(symbol) && isTopLevel(symbol)) {
        // `typeof list` says what is in a list, which the type that is made of it is exported for.
        if (!known.has(symbol) && !ts.isTypeQueryNode(node)) missing.add(symbol.name)
        visitSymbol(symbol)
      }
    }
    ts.forEachChild(node, visit)
  }
  for (const symbol of exportsOf(entry)) visitSymbol(symbol)
  return [...missing].sort()
}

for (const entry of entries) {
  test(`${entry} exports every type that it mentions`, () => {
    assert.equal(hidden(entry), [])
  })
}

test('what only this package may do with a model is not public', () => {
  const model = exportsOf('.').find(({ name }) => name === 'Model')!
  const names = [...checker.getDeclaredTypeOfSymbol(model).getProperties()].map(({ name }) => name)
  for (const name of ['embed', 'embedRows', 'embedStream', 'close', 'dispose']) assert.ok(names.includes(name), name)
  for (const name of ['run', 'faceTarget']) assert.not.ok(names.includes(name), name)
})

const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
const packageName = (entry: string) => `facenet-native${entry.slice(1)}`

test('ES modules and CommonJS have the same names in every entry', () => {
  const names = entries.map(packageName)
  const esm = `const all = {}; for (const name of ${JSON.stringify(names)}) all[name] = Object.keys(await import(name)).sort(); console.log(JSON.stringify(all))`
  const cjs = `const all = {}; for (const name of ${JSON.stringify(names)}) all[name] = Object.keys(require(name)).sort(); console.log(JSON.stringify(all))`
  const [modules, commons] = [
    JSON.parse(run('--input-type=module', '--eval', esm)),
    JSON.parse(run('--input-type=commonjs', '--eval', cjs)),
  ]
  assert.equal(modules, commons)
  for (const name of names) assert.ok(modules[name].length > 3, name)
})

test('errors of every entry and of both kinds of module are instances of one class', () => {
  const code = `
    const { FaceNetError, openModel } = require('facenet-native')
    const { readModel } = require('facenet-native/files')
    const check = async (promise) => promise.then(() => false, (error) => error instanceof FaceNetError)
    const main = async () => {
      const esm = await import('facenet-native')
      const evaluate = await import('facenet-native/evaluate')
      console.log(JSON.stringify([
        await check(openModel('no/such/file')),
        await check(readModel('no/such/file')),
        await check(esm.openModel('no/such/file')),
        await check(evaluate.evaluatePairs([], [], 2)),
        new Error('x') instanceof FaceNetError,
      ]))
    }
    main()`
  assert.equal(JSON.parse(run('--input-type=commonjs', '--eval', code)), [true, true, true, true, false])
})

test.run()
