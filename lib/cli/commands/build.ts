/** `facenet build`: compiles the addon where the package lies, with CMake or, where that is missing, node-gyp. */
import loader from '../../native/load.cjs'
import { runNode } from '../common/child.js'
import type { Context } from '../context.js'

export async function run(context: Context): Promise<void> {
  context.say(`Compiling the native addon in ${loader.packageRoot()}; this takes some minutes.`)
  await runNode(['scripts/build-native.mjs'], loader.packageRoot(), 'stderr', context.signal)
  if (context.json) await context.print(JSON.stringify({ built: true }))
}
