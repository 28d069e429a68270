/**
 * Where V8 keeps all memory of JavaScript in a cage, as in Electron, an ArrayBuffer over memory of native code is refused when it is made. The
 * addon has none: its results are arrays that JavaScript allocates.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addonLocation } from '../../lib/native/addon.js'

test('the addon asks Node-API for no external ArrayBuffer and no external Buffer', () => {
  // The names of what it imports stand in the file.
  const addon = readFileSync(addonLocation().file, 'latin1')
  const imported = new Set(addon.match(/(?:napi|node_api)_create_\w+/g))
  assert.ok(imported.has('napi_create_arraybuffer'), 'the names can be read')
  assert.not.ok(imported.has('napi_create_external_arraybuffer'))
  assert.not.ok(imported.has('napi_create_external_buffer'))
})

test.run()
