/** Options that several commands have. */
import { checkMinSize, type MinSize } from '../../detection/min_size.js'
import { defaultMaxImageBytes } from '../../files/read_bounded.js'
import { defaultLimitInputPixels } from '../../images/index.js'
import { faceChoices } from '../../images/target.js'
import { defaultDetector, defaultModel } from '../../models/resolve.js'
import {
  flag,
  group,
  integer,
  number,
  oneOf,
  orEnvironment,
  parsed,
  pathEnding,
  text,
  texts,
  type Values,
} from './option.js'

export const modelOptions = group('Model', {
  model: orEnvironment(
    'FACENET_MODEL',
    text({
      text: 'Model file (.safetensors), or the name of a model (models list)',
      value: '<file|name>',
      short: 'm',
      default: defaultModel,
      defaultText: `$FACENET_MODEL, else ${defaultModel}`,
    }),
  ),
})
export type ModelOptions = Values<typeof modelOptions>

export const batchOptions = group('Computation', {
  batchSize: integer({ text: 'Faces per batch', min: 1, default: 32 }),
})
export type BatchOptions = Values<typeof batchOptions>

export const aligns = ['detect', 'none', 'center', 'points'] as const

export const alignOptions = group('Faces', {
  align: oneOf(aligns, {
    text:
      'How faces are cut out: detect finds them and aligns them by their points, none takes whole images, center the ' +
      'middle of images, points aligns by five points per face from the .tsv file beside the images',
    value: '<how>',
    default: 'detect',
  }),
})

export const detectorOptions = group('Faces', {
  detector: text({
    text: 'Detector file (.safetensors), or the name of a detector (models list)',
    value: '<file|name>',
    defaultText: `$FACENET_DETECTOR, else ${defaultDetector}`,
  }),
})
export type DetectorOptions = Values<typeof detectorOptions>

export const detectionOptions = {
  ...detectorOptions,
  ...group('Faces', {
    minSize: parsed(
      'a number of pixels above 0, or a share of the longer side as 2%',
      {
        text: 'Shorter side of the smallest face to look for: pixels, or a share of the longer side of the image, as 2%',
        value: '<size>',
        defaultText: "the detector's own; of the default one 32 pixels, or 1.6% of images longer than 2048 pixels",
      },
      readMinSize,
    ),
    tryRotated: flag({
      text: 'Look at images turned by 90, 180 and 270 degrees too, where no face is found or none that is sure',
    }),
    score: number({
      text: 'Lowest score of a face that is used',
      min: 0,
      max: 1,
      defaultText: "the detector's own",
    }),
  }),
}
export type DetectionOptions = Values<typeof detectionOptions>

/** Of commands that keep faces: which are left out for the quality of the picture. */
export const gateOptions = group('Faces', {
  minSharpness: number({
    text: 'Leave out faces whose crop is less sharp: variance of its Laplacian, of blurred faces some tens and less',
    min: 0,
  }),
  maxYaw: number({ text: 'Leave out faces that are turned further to the side', value: '<degrees>', min: 0 }),
  maxPitch: number({ text: 'Leave out faces that look further up or down', value: '<degrees>', min: 0 }),
  maxRoll: number({ text: 'Leave out faces that are tilted further', value: '<degrees>', min: 0 }),
})
export type GateOptions = Values<typeof gateOptions>

function readMinSize(given: string): MinSize | undefined {
  try {
    return checkMinSize(given.endsWith('%') ? given : Number(given.trim() || Number.NaN))
  } catch {
    return undefined
  }
}

const facesText = {
  largest: 'the largest',
  all: 'all',
  one: 'the only one (an image with several is an error)',
}

/** Which faces of an image are used. */
export const facesOptions = group('Faces', {
  faces: oneOf(faceChoices, {
    text: `Which faces of an image to use: ${facesText.largest}, ${facesText.all}, or ${facesText.one}`,
    value: '<which>',
    default: 'all',
  }),
})

/** Of commands that use one face per image. */
export const oneFaceOptions = group('Faces', {
  faces: oneOf(['largest', 'one'], {
    text: `Which face of an image to use: ${facesText.largest}, or ${facesText.one}`,
    value: '<which>',
    default: 'largest',
  }),
})

/** Of commands in which what was stored meets what is embedded. */
export const mixedOptions = group('Decision', {
  allowMixed: flag({
    text:
      'Compare with stored embeddings, or judge by a threshold file, although they were prepared differently (alignment, ' +
      'template, detector, mirror images)',
  }),
})

const thresholdOption = group('Decision', {
  threshold: parsed(
    'a number of at least 0 or a threshold file',
    {
      text: 'Squared distance below which two faces show the same person, or a threshold file that evaluate pairs wrote',
      value: '<x|file>',
      defaultText: "the model's own",
    },
    readThreshold,
  ),
})
export const thresholdOptions = { ...thresholdOption, ...mixedOptions }
export type ThresholdOptions = Values<typeof thresholdOptions>

/** A number, or a path. */
function readThreshold(given: string): number | string | undefined {
  const value = Number(given)
  // `nan` is what a script prints that failed to compute a threshold, rather than a file of that name.
  if (Number.isNaN(value)) return /^[-+]?nan$/i.test(given) ? undefined : given
  return value >= 0 && value < Infinity && given.trim() !== '' ? value : undefined
}

/** What is read of the sources of images. */
export const sourceOptions = group('Images', {
  exclude: texts({
    text:
      'Leave out files and folders: a glob without a slash is for names (*.png), one with a slash for paths from the folder or ' +
      'archive on (2019/**); may be repeated',
    value: '<glob>',
  }),
  pathColumn: text({
    text: 'Column of .csv, .tsv and .parquet lists that has the paths of images',
    value: '<name>',
    defaultText: 'the one whose name says so: path, file, filename, image, ...',
  }),
  maxMegapixels: number({
    text: 'Largest image that is decoded',
    value: '<n>',
    above: 0,
    default: defaultLimitInputPixels / 1e6,
  }),
  maxFileMib: number({
    text: 'Largest image file that is read, in MiB',
    value: '<MiB>',
    above: 0,
    below: 2048,
    default: defaultMaxImageBytes / 2 ** 20,
  }),
  allowTruncated: flag({ text: 'Decode JPEGs that lack their last bytes as far as they go' }),
})
export type SourceFlags = Values<typeof sourceOptions>

export const reportOptions = group('Report', {
  report: pathEnding(['.html', '.htm'], {
    text: 'Page to write: figures, curves and pictures in one file',
  }),
  run: text({ text: "With --report: folder of the model's training run, whose curves are shown", value: '<folder>' }),
})
export type ReportOptions = Values<typeof reportOptions>

/** The file or folder that a command writes. */
export const outOption = { text: 'File to write', value: '<file>', short: 'o' } as const
