// Prints what facenet-native consists of, as CycloneDX 1.5: `npm run sbom > sbom.json`. The packages that every installation has are those of
// package-lock.json (npm's own sbom leaves out what a package for development uses too); what is linked into the addon is added.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './files.mjs'

const read = (path) => readFileSync(join(root, path), 'utf8')
const { version, license } = JSON.parse(read('package.json'))
const { packages } = JSON.parse(read('package-lock.json'))

const licensed = (expression) => [/[ ()]/.test(expression) ? { expression } : { license: { id: expression } }]
const purl = (name, release) => `pkg:npm/${name.replace('@', '%40')}@${release}`

const installed = Object.entries(packages)
  .filter(([path, { dev, optional, peer, devOptional }]) => path !== '' && !dev && !optional && !peer && !devOptional)
  .map(([path, entry]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const [kind, digest] = entry.integrity?.split('-') ?? []
    return {
      ...{ type: 'library', 'bom-ref': purl(name, entry.version), name, version: entry.version, scope: 'required' },
      ...(kind === 'sha512' && {
        hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
      }),
      ...{ licenses: licensed(entry.license), purl: purl(name, entry.version) },
    }
  })

/** The release that a script of the prebuilt packages builds. */
const releaseOf = (script) => /const release = '([^']+)'/.exec(read(`scripts/prebuild/${script}`))[1]
const linked = [
  ['libjpeg-turbo', releaseOf('libjpeg.mjs'), 'IJG AND BSD-3-Clause AND Zlib'],
  ['oneDNN', releaseOf('onednn.mjs'), 'Apache-2.0'],
].map(([name, release, expression]) => ({
  ...{ type: 'library', 'bom-ref': `${name}@${release}`, name, version: release, scope: 'required' },
  ...{ description: 'linked into the addon of the prebuilt packages', licenses: licensed(expression) },
}))

const own = { type: 'library', 'bom-ref': purl('facenet-native', version), name: 'facenet-native', version }
console.log(
  JSON.stringify(
    {
      ...{ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1 },
      metadata: { component: { ...own, licenses: licensed(license), purl: purl('facenet-native', version) } },
      components: [...installed, ...linked],
    },
    null,
    2,
  ),
)
