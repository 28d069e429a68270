/** `facenet build`: compiles the addon where the package lies, with CMake or, where that is missing, node-gyp. */
import { runNode } from './child.js'
import type { Context } from './context.js'
import { packageRoot } from './package_root.js'

export async function run(context: Context): Promise<void> {
  const { folder } = packageRoot()
  context.say(`Compiling the native addon in ${folder}; this takes some minutes.`)
  await runNode(['scripts/build-native.mjs'], folder, 'stderr', context.signal)
  if (context.json) await context.print(JSON.stringify({ built: true }))
}
