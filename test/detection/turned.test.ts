/** Photographs turned without a tag that says so: how often they are looked at, and where their faces are said to be. */
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadFaces, type TemplateName } from '../../lib/images/index.js'
import { detectFaces, type FaceFinder, type RgbImage } from '../../lib/index.js'
import { fakeDetector } from '../images/fake_detector.js'

/** A face is what is red, and only where its hair, which is green, is above it. */
function uprightOnly(score = 0.9) {
  const fake = fakeDetector()
  const finder: FaceFinder & { looks: number } = {
    name: 'upright',
    looks: 0,
    async detect(images) {
      finder.looks++
      return (await fake.detect(images)).map((faces) => {
        const [green, red] = faces
        return green && red && green.box.y + green.box.height <= red.box.y ? [{ ...red, score }] : []
      })
    },
  }
  return finder
}

const patch = (background: string, left: number, top: number, width: number, height: number) => ({
  input: { create: { width, height, channels: 3 as const, background } },
  left,
  top,
})
const upright = sharp({ create: { width: 200, height: 140, channels: 3, background: '#808080' } })
  .composite([patch('#00ff00', 30, 20, 60, 16), patch('#ff0000', 30, 40, 60, 50)])
  .png()
const turned = async (degrees: number) =>
  sharp(await upright.toBuffer())
    .rotate(degrees)
    .png()
    .toBuffer()
async function pixelsOf(file: Buffer): Promise<RgbImage> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return { data: new Uint8Array(data), width: info.width, height: info.height }
}

for (const degrees of [0, 90, 180, 270]) {
  test(`turned by ${degrees} degrees, a face has its place in the photograph as it is`, async () => {
    const file = await turned(degrees)
    const image = await pixelsOf(file)
    // What is red, whichever way is up.
    const red = (await fakeDetector().detect([image]))[0]!.at(-1)!.box
    for (const given of [file, image]) {
      const model = uprightOnly()
      const [found] = await detectFaces([given], { model, tryRotated: true })
      assert.equal(
        found!.map(({ box }) => box),
        [red],
      )
      assert.is(model.looks, degrees === 0 ? 1 : 4)
      assert.is(found![0]!.turn, degrees === 0 ? undefined : 360 - degrees)
      // The eyes are on the side of the hair.
      const { points } = found![0]!
      const eyes = [(points[0]! + points[2]!) / 2, (points[1]! + points[3]!) / 2]
      const mouth = [(points[6]! + points[8]!) / 2, (points[7]! + points[9]!) / 2]
      const down = Math.round((Math.atan2(mouth[1]! - eyes[1]!, mouth[0]! - eyes[0]!) * 180) / Math.PI)
      assert.ok(Math.abs(((down - 90 - degrees + 540) % 360) - 180) < 3, `down is at ${down}`)
    }
    const once = uprightOnly()
    const [plain] = await detectFaces([file], { model: once })
    assert.equal([plain!.length, once.looks], [degrees === 0 ? 1 : 0, 1])
  })

  for (const template of ['dlib', 'margin:20%'] satisfies TemplateName[]) {
    test(`and is cut out upright, ${template}, ${degrees} degrees`, async () => {
      const detection = { detector: uprightOnly(), faces: 'one' as const, tryRotated: true }
      const target = { width: 30, height: 30, align: 'detect' as const, template, detection }
      const [straight, other] = await Promise.all([
        loadFaces(await upright.toBuffer(), target),
        loadFaces(await turned(degrees), target),
      ])
      assert.equal(other[0]!.pixels, straight[0]!.pixels)
    })
  }
}

test('a face that is not sure is looked for the other ways round too, and stays where none is better', async () => {
  const model = uprightOnly(0.6)
  const [found] = await detectFaces([await upright.toBuffer()], { model, tryRotated: true })
  assert.equal([found!.length, found![0]!.turn, model.looks], [1, undefined, 4])
  const error = await detectFaces([], { model, tryRotated: 1 as never }).catch((cause) => cause)
  assert.match(error.message, /true or false for options\.tryRotated/)
})

test.run()
