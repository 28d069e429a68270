// Prints yes or no for native/binding.gyp.
import { hasOneDnn } from './system.mjs'

console.log(hasOneDnn() ? 'yes' : 'no')
