/** Agglomerative clustering where there is a CUDA device: that of the emulated addon, which a process of its own loads. */
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildEmulator } from '../emulator/build.mjs'

const script = `
  const { addToClusters, clusterEmbeddings, devices } = await import('./lib/index.ts')
  const [rows, options] = [Float32Array.of(0, 5, 0.1), { dimensions: 1, threshold: 1 }]
  const { code } = await clusterEmbeddings(rows, { ...options, device: 'cuda' }).catch((error) => error)
  console.log(JSON.stringify({
    first: devices()[0].kind,
    clusters: [...await clusterEmbeddings(rows, options)],
    auto: [...await clusterEmbeddings(rows, { ...options, device: 'auto', deviceIndex: 0 })],
    added: [...await addToClusters(rows, Int32Array.of(0, 1, 0), Float32Array.of(4.9), options)],
    code,
  }))
`

test('auto clusters on the CPU, and CUDA says that it cannot', () => {
  const env = { ...process.env, FACENET_ADDON: buildEmulator('addon') }
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    env,
    encoding: 'utf8',
  })
  assert.equal(
    JSON.parse(stdout || stderr),
    { first: 'cuda', clusters: [0, 1, 0], auto: [0, 1, 0], added: [0, 1, 0, 1], code: 'ERR_FACENET_CUDA_UNAVAILABLE' },
    stderr,
  )
})

test.run()
