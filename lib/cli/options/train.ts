/** Options of `train`. */
import { networkNames } from '../../convert/networks/index.js'
import { lossNames } from '../../embeddings/losses.js'
import { strategies } from '../../embeddings/triplets.js'
import { collapseActions, selections } from '../../training/loop_state.js'
import { parseSchedule } from '../../training/schedule.js'
import { optimizerNames, trainingDTypes } from '../../training/settings.js'
import { flag, group, integer, list, number, oneOf, parsed, required, text, texts, type Values } from './option.js'
import { outOption, sourceOptions } from './shared.js'

const run = group('Run', {
  out: required(text({ ...outOption, text: "Folder for the run's files", value: '<folder>' })),
  resume: flag({ text: 'Continue from the checkpoint in --out' }),
  steps: integer({ text: 'Total steps', min: 1 }),
  epochs: number({ text: 'Passes over the data set, instead of --steps', above: 0 }),
  minutes: number({ text: 'Stop after this many minutes', above: 0 }),
  distributed: flag({
    text: 'Train with other processes: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT of the environment say who this is',
  }),
  checkpointEvery: integer({ text: 'Steps between checkpoints', min: 1, default: 200 }),
  onCollapse: oneOf(collapseActions, {
    text: 'What to do when all embeddings become alike',
    value: '<action>',
    default: 'warn',
  }),
})

const network = group('Network', {
  network: parsed(
    `one of ${networkNames.join(', ')}`,
    { text: 'Network to train from random weights', value: '<name>' },
    (given) => networkNames.find((name) => name === given.toLowerCase()),
  ),
  from: text({ text: 'Model file (.safetensors) to start from, instead of --network', value: '<file>' }),
  dimensions: integer({ text: 'Floats per embedding', min: 1, max: 65536, defaultText: "the network's own" }),
  batchNorm: flag({ text: 'Add batch normalisation after every convolution' }),
  freeze: list(text({ text: '' }), {
    text: 'Layers that are not trained; * at the end stands for any ending',
    value: '<layer,...>',
  }),
})

const images = group('Images', {
  identities: text({ text: 'File that lists the people to train on, one name per line', value: '<file>' }),
  align: oneOf(['none', 'points'], {
    text: 'How faces are cut out: none takes whole images, points aligns five points per face to --template',
    value: '<how>',
    default: 'none',
  }),
  template: oneOf(['dlib', 'arcface112'], { text: 'With --align points: where the five points belong' }),
  templateBorder: number({
    text: 'Pixels around the template in images that have no points',
    value: '<pixels>',
    min: 0,
    default: 0,
  }),
  border: number({
    text: 'Extra border on each side for random crops, as a share of the input',
    min: 0,
    default: 1 / 14,
    defaultText: '1/14',
  }),
  noAugment: flag({ text: 'Disable augmentation' }),
  colour: number({
    text: 'Largest random change of brightness, contrast and saturation',
    min: 0,
    max: 1,
    default: 0.2,
  }),
  jpeg: number({ text: 'Share of images that are recompressed as JPEG', min: 0, max: 1, default: 0.1 }),
  memory: number({ text: 'Memory for decoded images, in MiB', value: '<MiB>', above: 0, default: 2048 }),
})

const batches = group('Batches', {
  identitiesPerBatch: integer({ text: 'People per batch', min: 1, default: 32 }),
  facesPerIdentity: integer({ text: 'Faces per person in a batch, at most', min: 2, default: 8 }),
  negatives: integer({ text: 'Faces of other people to add to a batch', min: 0, default: 0 }),
  chunk: integer({
    text: 'Images computed at a time',
    min: 1,
    max: 65536,
    defaultText: 'as many as fit in 1 GiB, at most 64, on CUDA 256',
  }),
  seed: integer({ text: 'Seed of weights, batches and augmentation', min: 0, max: 2 ** 32 - 1, default: 0 }),
})

const loss = group('Loss', {
  loss: oneOf(lossNames, {
    text:
      'What is minimised: triplet, or a loss with a class for each person (arcface, cosface, sphereface, adaface, proxy-anchor) or of ' +
      'all pairs of a batch (nt-xent, multi-similarity)',
    default: 'triplet',
  }),
  lossMargin: number({
    text: 'Margin of a loss with classes: arcface in degrees',
    min: 0,
    defaultText: "the loss's own",
  }),
  lossScale: number({
    text: 'arcface, cosface, sphereface, adaface: factor of cosines',
    above: 0,
    defaultText: "the loss's own",
  }),
  lossAlpha: number({
    text: 'multi-similarity, proxy-anchor: sharpness, of positives or of both',
    above: 0,
    defaultText: "the loss's own",
  }),
  lossBeta: number({ text: 'multi-similarity: sharpness of negatives', above: 0, defaultText: '50' }),
  lossBase: number({
    text: 'multi-similarity: cosine that pairs are compared with',
    min: -1,
    max: 1,
    defaultText: '0.5',
  }),
  lossEpsilon: number({
    text: 'multi-similarity: how far on the right side a pair still counts',
    min: 0,
    max: 2,
    defaultText: '0.1',
  }),
  lossTemperature: number({ text: 'nt-xent: what cosines are divided by', above: 0, defaultText: '0.07' }),
  lossH: number({ text: 'adaface: effect of lengths on the margin', above: 0, defaultText: '0.333' }),
  lossTAlpha: number({
    text: 'adaface: how far a batch moves the running mean and deviation of lengths',
    above: 0,
    max: 1,
    defaultText: '0.01',
  }),
})

const teacher = group('Teacher', {
  teacher: text({ text: 'Model file whose embeddings the network learns to give', value: '<file>' }),
  teacherWeight: number({
    text: "Weight of the distance to the teacher's embeddings; --loss has the rest of 1",
    above: 0,
    max: 1,
    default: 1,
  }),
  teacherResize: flag({ text: "Show a teacher of another input size the middle of the network's input, resized" }),
})

const triplets = group('Triplets', {
  margin: number({ text: 'Margin of the triplet loss', above: 0, max: 4, default: 0.2 }),
  strategy: oneOf(strategies, { text: 'Which triplets to learn from', default: 'semi-hard' }),
  selection: oneOf(selections, {
    text: 'Where triplets are selected: online in each batch, offline among a sample of the faces',
    default: 'online',
  }),
  selectEvery: integer({ text: 'With --selection offline: steps between selections', min: 1, default: 50 }),
  selectFrom: integer({ text: 'With --selection offline: faces to select among', min: 3, default: 1800 }),
})

const optimisation = group('Optimisation', {
  optimizer: oneOf(optimizerNames, { text: 'Optimiser', default: 'adagrad' }),
  learningRate: number({ text: 'Learning rate at the start', above: 0, default: 0.05 }),
  schedule: parsed(
    'constant, cosine, or step:<factor>@<step>,<step>... as in step:0.1@2000,3000',
    { text: 'How the learning rate changes', value: '<schedule>', default: 'constant' },
    readSchedule,
  ),
  weightDecay: number({ text: 'L2 weight decay', min: 0, default: 0 }),
  clipNorm: number({
    text: 'Largest norm of the gradient; longer ones are scaled down',
    above: 0,
    defaultText: 'no limit',
  }),
  ema: number({
    text: 'Decay of a moving average of the weights, such as 0.999, which is what is validated and exported',
    above: 0,
    below: 1,
    defaultText: 'no average',
  }),
  recalibrate: integer({
    text: 'Measure statistics of batch normalisation on this many faces before each validation and export',
    value: '<faces>',
    min: 1,
    defaultText: 'running statistics',
  }),
})

const validation = group('Validation', {
  validation: text({
    text: 'List of pairs to validate on, in the format of Labeled Faces in the Wild',
    value: '<file>',
  }),
  validationImages: texts({
    text: 'Folder or archive with the images of those pairs; may be repeated',
    value: '<path>',
  }),
  validateEvery: integer({ text: 'Steps between validations', min: 1, default: 200 }),
  patience: integer({
    text: 'Stop after this many validations without improvement',
    min: 1,
    defaultText: 'training goes on',
  }),
})

export const trainOptions = {
  ...run,
  ...network,
  ...sourceOptions,
  ...images,
  ...batches,
  ...loss,
  ...teacher,
  ...triplets,
  ...optimisation,
  ...validation,
  ...group('Computation', {
    dtype: oneOf(trainingDTypes, {
      text: 'bf16: multiply in bf16, on the CPU where it has instructions for that; sums and weights stay in fp32',
      value: '<type>',
      default: 'f32',
      defaultText: 'f32; with --resume that of the checkpoint',
    }),
  }),
}
export type TrainOptions = Values<typeof trainOptions>

function readSchedule(given: string): string | undefined {
  try {
    parseSchedule(given)
    return given
  } catch {
    return undefined
  }
}
