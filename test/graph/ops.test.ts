/** The list of ops, which native code and TypeScript both have. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { opNames } from '../../lib/files/model/graph_schema.js'
import { native } from '../../lib/native/addon.js'

test('the schema of graphs knows the ops that the addon has, and no others', () => {
  assert.equal([...opNames].sort(), native().ops().sort())
})

test.run()
