/** An addon whose models say how many images each call brings them. To be imported before anything that loads the addon. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import loader from '../../lib/native/load.cjs'

const folder = mkdtempSync(join(tmpdir(), 'facenet-calls-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const real = process.env.FACENET_ADDON ?? loader.builtIn(loader.packageRoot())
const wrapper = `
const addon = require(${JSON.stringify(real)})
const calls = (globalThis.facenetRuns = [])
const counting = (model) => new Proxy(model, {
  get(_, key) {
    const value = Reflect.get(model, key, model)
    if (typeof value !== 'function') return value
    return (...given) => {
      if (key === 'run') calls.push(given[1])
      return value.apply(model, given)
    }
  },
})
const openModel = async (...given) => counting(await addon.openModel(...given))
module.exports = new Proxy({}, { get: (_, key) => (key === 'openModel' ? openModel : addon[key]) })
`
writeFileSync(join(folder, 'counting.cjs'), wrapper)
process.env.FACENET_ADDON = join(folder, 'counting.cjs')
const { native } = await import('../../lib/native/addon.js')
native()

/** Images of each call of `run` so far. */
export const { facenetRuns: calls } = globalThis as unknown as { facenetRuns: number[] }
