/** Weights of other programs that are given where a model file is expected: what they are, and what to do. */
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type FaceNetError, openDetector, openModel } from '../../lib/index.js'
import { rejection, withFolder } from '../api/support.js'

const binary = (text: string) => Buffer.from(text, 'latin1')
const files: [string, Buffer, RegExp][] = [
  ['w.onnx', binary('\x08\x07\x12\x07pytorch'), /an ONNX file/],
  ['renamed.bin', binary('\x08\x08\x12\x07pytorch and more of it'), /an ONNX file/],
  ['empty.onnx', binary(''), /an ONNX file/],
  ['w.pt', binary('PK\x03\x04 and a pickle in a zip'), /a PyTorch file/],
  ['old.pth', binary('\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 '), /a pickle \(PyTorch\)/],
  ['w.h5', binary('\x89HDF\r\n\x1a\n and groups'), /an HDF5 file \(Keras\)/],
  ['w.keras', binary('PK\x03\x04 config.json'), /a Keras file/],
  ['w.tflite', binary('\x1c\0\0\0TFL3\x14\0\x20\0'), /a TensorFlow Lite file/],
]

for (const [name, bytes, what] of files) {
  test(`${name} is told to be imported first`, async () => {
    await withFolder({ [name]: bytes }, async (folder) => {
      const path = join(folder, name)
      for (const open of [() => openModel(path), () => openDetector(path)]) {
        const error = await rejection(open())
        assert.is(error.code, 'ERR_FACENET_MODEL_INVALID')
        assert.is((error as FaceNetError).argument, path)
        assert.match(error.message, what)
        assert.ok(error.message.includes(`facenet-native import ${path} --out m.safetensors`))
      }
      if (name !== 'empty.onnx') assert.is(((await rejection(openModel(bytes))) as FaceNetError).argument, 'model')
    })
  })
}

test('what is damaged and of no other program is said to be so', async () => {
  await withFolder({ 'm.safetensors': binary('no model at all') }, async (folder) => {
    const error = await rejection(openModel(join(folder, 'm.safetensors')))
    assert.not.match(error.message, /facenet-native import/)
  })
})

test.run()
