/** Fetches a file, as a process of its own: address, sha-256 and path. */
import { download } from '../../lib/models/download.js'

const [url, sha256, path] = process.argv.slice(2) as [string, string, string]
console.log(await download({ url, sha256, bytes: null }, path))
