// node --import tsx examples/verify.ts anna.jpg ben.jpg
//
// Do two photographs show one person?
import { pairwiseDistances } from 'facenet-native'
import { openExampleDetector, openExampleModel } from './weights.js'

const [one, other] = process.argv.slice(2) as [string, string]
await using model = await openExampleModel()
await using detector = await openExampleDetector()

// `faces: 'one'` makes a photograph with two faces an error, instead of a guess.
const faces = await model.embedRows([one, other], { detector, faces: 'one' })
const [, distance] = await pairwiseDistances(faces)
const same = distance! < model.threshold!
console.log(`${same ? 'same person' : 'different people'}: squared distance ${distance!.toFixed(3)}`)
