// Checks the doc comments of all that the package's entries export, as editors and the API reference show them. Every
// export and every member of an interface or class has one; functions and methods have a @param for each parameter, and functions
// and classes an @example. Prints what is missing and exits with 1. What examples say is compiled by test/api/doc_examples.test.ts.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './files.mjs'

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.values(exports)
  .flatMap((entry) => entry.import?.types ?? [])
  .map((path) => join(root, path.replace('dist/esm', 'lib').replace(/\.d\.ts$/, '.ts')))
const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), {}, { ...ts.sys })
const program = ts.createProgram(entries, config.options)
const checker = program.getTypeChecker()

const faults = new Set()
const seen = new Set()
for (const entry of entries) {
  const file = checker.getSymbolAtLocation(program.getSourceFile(entry))
  for (const symbol of checker.getExportsOfModule(file)) {
    checkSymbol(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
  }
}
for (const fault of faults) console.error(fault)
if (faults.size > 0) process.exitCode = 1

function checkSymbol(symbol) {
  if (seen.has(symbol)) return
  seen.add(symbol)
  // The first overload speaks for all, and for the implementation behind them.
  const overloaded = symbol.declarations.every(functionOf)
  for (const declaration of overloaded ? symbol.declarations.slice(0, 1) : symbol.declarations) {
    const call = functionOf(declaration)
    expectComment(declaration, symbol.name)
    if (call) {
      expectParameters(declaration, call, symbol.name)
      expectExample(declaration, symbol.name)
    } else if (ts.isClassDeclaration(declaration)) {
      expectExample(declaration, symbol.name)
      checkMembers(declaration, symbol.name)
    } else if (ts.isInterfaceDeclaration(declaration)) checkMembers(declaration, symbol.name)
  }
}

/** What is called: the declaration itself, or the arrow function that a constant stands for. */
function functionOf(declaration) {
  if (ts.isFunctionDeclaration(declaration)) return declaration
  const value = ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined
  return value && ts.isArrowFunction(value) ? value : undefined
}

function checkMembers(type, owner) {
  for (const member of type.members) {
    if (member.name && ts.isPrivateIdentifier(member.name)) continue
    if (ts.isClassStaticBlockDeclaration(member)) continue
    if (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) continue
    const name = `${owner}.${member.name?.getText() ?? (ts.isConstructorDeclaration(member) ? 'constructor' : 'call')}`
    // A getter speaks for its setter.
    if (ts.isSetAccessorDeclaration(member) && hasGetter(type, member)) continue
    expectComment(member, name)
    if (member.parameters) {
      expectParameters(member, member, name)
    }
  }
}

function hasGetter(type, setter) {
  return type.members.some(
    (other) => ts.isGetAccessorDeclaration(other) && other.name.getText() === setter.name.getText(),
  )
}

function expectComment(declaration, name) {
  if (!commentsOf(declaration).some(({ comment }) => comment)) fault(declaration, `${name} has no doc comment`)
}

function expectExample(declaration, name) {
  if (!tagsOf(declaration).some(({ tagName }) => tagName.text === 'example'))
    fault(declaration, `${name} has no @example`)
}

function expectParameters(declaration, call, name) {
  const described = tagsOf(declaration).filter(ts.isJSDocParameterTag)
  for (const [i, parameter] of call.parameters.entries()) {
    // One that is taken apart in place has no name of its own: it is the one at its position.
    const isNamed = ts.isIdentifier(parameter.name)
    const tag = isNamed ? described.find((tag) => tag.name.getText() === parameter.name.text) : described[i]
    if (!tag?.comment)
      fault(declaration, `${name} has no @param for ${isNamed ? parameter.name.text : `parameter ${i + 1}`}`)
  }
}

/** Comments stand before the statement, also that of a constant. */
function statementOf(declaration) {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
}

function commentsOf(declaration) {
  return ts.getJSDocCommentsAndTags(statementOf(declaration)).filter(ts.isJSDoc)
}

function tagsOf(declaration) {
  return commentsOf(declaration).flatMap(({ tags = [] }) => [...tags])
}

function fault(declaration, text) {
  const file = declaration.getSourceFile()
  const { line } = file.getLineAndCharacterOfPosition(declaration.getStart())
  faults.add(`${relative(root, file.fileName)}:${line + 1} ${text}`)
}
