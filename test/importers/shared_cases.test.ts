/**
 * Small graphs after patterns that exporters of face networks produce, in `../shared/cases/onnx`: what becomes of each. All take 16 x 16
 * pixels, or 15 x 15, and make 8 floats.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ImportOptions, importModel } from '../../lib/convert/importers/import_model.js'
import { openModel } from '../../lib/index.js'
import { assertFails, data } from './support.js'

const folder = join(data, '../cases/onnx')

/** The import computes what onnxruntime does. */
const agrees = (options: ImportOptions = {}) => ({ options, agrees: true }) as const
/** onnxruntime does not run the file, which is what the operator text of its opset says, for this reason. */
const alone = (reason: RegExp) => ({ options: {} as ImportOptions, agrees: false, reason }) as const
/** Refused in these words; with other options it may be read. */
const refused = (message: RegExp, otherwise?: ImportOptions) => ({ message, otherwise }) as const

const oldOpset = /Could not find an implementation for/

const expectations: Record<string, ReturnType<typeof agrees | typeof alone | typeof refused>> = {
  '01_ir_gemm_bn_l2': agrees(),
  '02_prelu_1': agrees(),
  '02_prelu_C_opset13': alone(/running PRelu node/),
  '02_prelu_C_opset6': alone(oldOpset),
  '03_bn_opset6_istest': alone(oldOpset),
  '03_bn_spatial0_4d': agrees(),
  '04_shape_start_end': agrees(),
  '06_shape_gather': agrees(),
  '07_reshape_batch32': agrees(),
  '07_reshape_m1_K': agrees(),
  '08_gemm_opset6_broadcast': alone(oldOpset),
  '08_matmul_add': agrees(),
  '08_matmul_transposed': agrees(),
  '10_constant_nodes': agrees(),
  '11_external': agrees(),
  '13_dynamic_all': refused(/size of the input, which the file does not say \(--size/, { size: [16, 16] }),
  '13_dynamic_hw': refused(/size of the input, which the file does not say \(--size/, { size: [16, 16] }),
  '16_act_clip_other': agrees(),
  '16_act_elu': agrees(),
  '16_act_leaky': agrees(),
  '16_act_selu': agrees(),
  '16_act_swish': agrees(),
  '17_depthwise': agrees(),
  '19_pool_lp2': agrees(),
  '19_pool_max_ceil_pad': agrees(),
  '19_pool_max_dilated': agrees(),
  '20_pad_asym': agrees(),
  '20_pad_attr_v2': agrees(),
  '20_pad_edge': agrees(),
  '21_two_outputs_emb_logits': refused(/one, the embedding: name it \(--output.* received y, logits/, { output: 'y' }),
  '22_fusedconv': agrees(),
  '23_dropout12': agrees(),
  '25_bgr_slice': agrees(),
  '25_div255_sub_div': agrees(),
  '25_nhwc_sub': agrees(),
  '26_channel_shuffle': agrees(),
  '26_split': agrees(),
  '27_mean_axes_input18': agrees(),
  '27_mean_keepdims_squeeze': agrees(),
  '27_mean_two_steps': agrees(),
  '28_instance_norm': agrees(),
  '28_opset23': agrees(),
  '30_l2_rsqrt_pow': agrees(),
  '30_l2_torch': agrees(),
  '31_input_CHW': agrees(),
  '31_same_name_nodes': alone(/two nodes with same node name/),
  '31_squeeze_output': agrees(),
  '31_unicode_names': agrees(),
  '40_add_opset6_axis': alone(oldOpset),
  // A cast to whole numbers rounds, and no layer does.
  '40_cast_int': refused(/for to of Cast ci but received int64 .*export the model without it/),
  '40_clip_attr6': agrees(),
  '40_depth_multiplier': agrees(),
  '40_lrn': agrees(),
  // ONNX allows an even number of channels, onnxruntime an odd one only.
  '40_lrn_even': alone(/lrn\.h/),
  '40_max_act': agrees(),
  '40_mul_C_last': agrees(),
  '40_rect_kernel': agrees(),
  '40_relu_in_place_name': alone(oldOpset),
  '40_shared_affine': agrees(),
  '40_two_relu_readers': agrees(),
  '41_l2_shape_start0': agrees(),
}

const input: ImportOptions = { mean: 127.5, scale: 1 / 128 }

async function embeds(path: string, options: ImportOptions): Promise<void> {
  const { check, ...model } = await importModel(path, { ...input, ...options })
  await using opened = await openModel(model, { device: 'cpu', threads: 1 })
  const { height, width } = opened.inputSize
  const row = await opened.embed(Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 7) % 256))
  assert.is(row.length, 8)
  assert.ok(row.every(Number.isFinite))
}

async function check(file: string): Promise<void> {
  const path = join(folder, `${file}.onnx`)
  const expected = expectations[file]
  assert.ok(expected, 'say in the table what becomes of it')
  if ('message' in expected) {
    const code = expected.otherwise ? undefined : 'ERR_FACENET_MODEL_INVALID'
    await assertFails(() => importModel(path, { ...input }), code, expected.message)
    if (!expected.otherwise) return
  }
  const options = 'message' in expected ? expected.otherwise! : expected.options
  if ('reason' in expected) {
    const { check } = await importModel(path, { ...input, ...options })
    assert.match(check.checked ? 'compared' : check.reason, expected.reason)
  } else await importModel(path, { ...input, ...options, check: true })
  await embeds(path, options)
}

if (existsSync(folder)) {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => name.slice(0, -5))
  test('all files that the table names are there', () => {
    assert.equal(
      Object.keys(expectations).filter((name) => !files.includes(name)),
      [],
    )
  })
  for (const file of files) test(file, () => check(file))
} else test.skip(`graphs of exporters (there is no ${folder})`, () => {})

test.run()
