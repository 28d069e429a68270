// Prints yes or no for native/binding.gyp: `node find-library.mjs onednn`, or jpeg.
import { hasJpeg, hasOneDnn } from './system.mjs'

const has = { onednn: hasOneDnn, jpeg: hasJpeg }
console.log(has[process.argv[2]]() ? 'yes' : 'no')
