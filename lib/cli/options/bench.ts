/** Options of bench. */
import { networkNames } from '../../convert/networks/index.js'
import { group, integer, list, oneOf, pathEnding, text, type Values } from './option.js'

export const benchOptions = {
  ...group('Measurement', {
    model: text({
      text: 'Model to measure: a .safetensors or .onnx file, or the name of a model or of a network',
      value: '<file|name>',
      short: 'm',
      defaultText: "the repository's own benchmark",
    }),
    batch: list(integer({ text: '', min: 1, max: 65536 }), {
      text: 'Images of a call',
      value: '<n,...>',
      defaultText: '1,8,32',
    }),
    against: list(oneOf(['onnxruntime', 'self'], { text: '' }), {
      text: 'Who takes turns with it: onnxruntime-node, or a second process of its own (self), which shows what is noise',
      value: '<peer,...>',
      defaultText: 'nobody',
    }),
    rounds: integer({ text: 'Turns of each', min: 1, default: 5 }),
    turn: integer({ text: 'Least length of a turn', value: '<ms>', min: 1, default: 500 }),
    network: oneOf(networkNames, {
      text: "Of the repository's benchmark, the only network to measure",
      defaultText: 'all that are compared',
    }),
  }),
  ...group('Output', {
    out: pathEnding(['.json'], { text: 'Report to write', value: '<file>', short: 'o' }),
    compare: pathEnding(['.json'], {
      text: 'Report of an earlier run: what is not given is as it was there, and what changed is printed',
    }),
  }),
}
export type BenchOptions = Values<typeof benchOptions>

/** Those that mean nothing without a model. */
export const modelBenchOptionNames = ['batch', 'against', 'rounds', 'turn', 'out'] as const
