/** Options of `evaluate`. `kinds` are the protocols that take an option. */
import { flag, group, integer, list, number, oneOf, orEnvironment, text, texts, type Values } from './option.js'
import { alignOptions, batchOptions, detectorOptions, outOption, reportOptions, sourceOptions } from './shared.js'

export const protocols = ['lfw', 'ytf', 'pairs', 'robustness'] as const

export const evaluateOptions = {
  ...group('Model', {
    model: orEnvironment(
      'FACENET_MODEL',
      texts({
        text: 'Model file (.safetensors); given several times, robustness compares the models',
        value: '<file>',
        short: 'm',
        defaultText: '$FACENET_MODEL',
      }),
    ),
    trainingImages: list(integer({ text: '', min: 1 }), {
      text: 'How many images each model was trained on, in the order of --model',
      value: '<n,...>',
      kinds: ['robustness'],
    }),
  }),
  ...sourceOptions,
  ...alignOptions,
  ...detectorOptions,
  ...group('Faces', {
    centerFraction: number({
      text: 'With --align center: share of the width and of the height that is used',
      above: 0,
      max: 1,
      default: 0.5,
    }),
    flip: flag({ text: 'Average each embedding with that of the mirrored image' }),
  }),
  ...group('Pairs', {
    pairs: text({
      text: 'List of pairs: pairs.txt or the folder that has the lists (lfw, robustness), or the splits file (ytf)',
      value: '<path>',
      kinds: ['lfw', 'ytf', 'robustness'],
      defaultText: 'lfw: the lists beside the images',
    }),
    view: oneOf(['1', '2'], {
      text: 'View of the data set: 2 is the test with ten folds, 1 is for development',
      value: '<view>',
      default: '2',
      kinds: ['lfw'],
    }),
    frames: integer({ text: 'Frames used per video, the first ones', min: 1, default: 100, kinds: ['ytf'] }),
    skipMissing: flag({
      text: 'Leave out pairs whose images are missing or cannot be used',
      kinds: ['lfw', 'ytf', 'robustness'],
    }),
    far: number({
      text: 'False accept rate to choose the threshold for; robustness takes 0.01 or 0.1 where the pairs are too few',
      above: 0,
      below: 1,
      default: 1e-3,
      kinds: ['pairs', 'robustness'],
    }),
    splits: integer({
      text: 'Disjoint sets of people, from which standard errors are computed',
      min: 2,
      max: 100,
      default: 5,
      kinds: ['pairs', 'robustness'],
    }),
    allowMixed: flag({
      text: 'Take stored embeddings (.jsonl) together although their images were prepared differently',
      kinds: ['pairs'],
    }),
    table: text({ text: 'Table (.tsv) with a column "name" and others', value: '<file>', kinds: ['pairs'] }),
    slice: text({
      text: 'Column of --table; results are also given for each of its values',
      value: '<column>',
      kinds: ['pairs'],
    }),
  }),
  ...group('Output', {
    out: text({ ...outOption, text: 'Threshold file to write (.json)', kinds: ['pairs'] }),
  }),
  ...reportOptions,
  ...batchOptions,
}
export type EvaluateOptions = Values<typeof evaluateOptions>
