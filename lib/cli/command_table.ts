/** The commands as data: what each is called with, its options, and where its code is. */
import type { Context } from './context.js'

export interface Option {
  /** As sade writes it: `-m, --model`. */
  flags: string
  text: string
  /** Takes no value. */
  boolean?: boolean
  /** May be given more than once. */
  repeatable?: boolean
}

export interface Command {
  name: string
  /** Operands as the help shows them. */
  operands: string
  /** How many operands it takes, at least and at most. */
  count: [least: number, most: number]
  text: string
  options: Option[]
  examples?: string[]
  load(): Promise<{ run(context: Context): Promise<void> }>
}

/** Options of every command. */
export const commonOptions: Option[] = [
  { flags: '--device', text: 'auto, cuda, cpu or reference; default auto' },
  { flags: '--dtype', text: 'f32, bf16 or f16 (not on the CPU); default f32' },
  { flags: '--threads', text: 'CPU threads; default all cores' },
  { flags: '--json', text: 'Machine-readable output on stdout', boolean: true },
  { flags: '--quiet', text: 'No progress and no summary on stderr', boolean: true },
]

const model: Option = { flags: '-m, --model', text: 'Model file (.safetensors); default $FACENET_MODEL' }
const threshold: Option = {
  flags: '--threshold',
  text: "Squared distance below which two faces are one person, or a threshold file of evaluate pairs; default the model's own",
}
const out: Option = { flags: '-o, --out', text: 'File to write' }
const align: Option = {
  flags: '--align',
  text: 'detect (faces are looked for), none (whole image), center (middle crop) or points (five points from the .tsv beside the images); default detect',
}
const report: Option[] = [
  { flags: '--report', text: 'Page to write (.html), with everything in one file: figures, curves, pictures' },
  { flags: '--run', text: "report: folder of the model's training run, whose curves are shown" },
]
const detection: Option[] = [
  {
    flags: '--detector',
    text: 'Detector file (.safetensors); default $FACENET_DETECTOR, then that of @vladmandic/face-api',
  },
  { flags: '--min-size', text: 'Shorter side in pixels of the smallest face that is looked for' },
  { flags: '--score', text: 'Score that a face must reach, 0..1' },
]

const training: Option[] = [
  { ...out, text: "Folder of the run's files" },
  { flags: '--network', text: 'Network with random weights; see facenet networks' },
  { flags: '--from', text: 'Model file (.safetensors) that is trained on' },
  { flags: '--resume', text: 'Go on from the checkpoint in --out', boolean: true },
  { flags: '--dimensions', text: "Floats of an embedding; default the network's own" },
  { flags: '--batch-norm', text: 'Batch normalisation after every convolution', boolean: true },
  { flags: '--identities', text: 'File with the names of the only people to train on, one a line' },
  { flags: '--align', text: 'none (whole image) or points (five points onto --template); default none' },
  { flags: '--template', text: 'With --align points: dlib or arcface112' },
  { flags: '--template-border', text: 'Pixels around the template in images that have no points; default 0' },
  { flags: '--border', text: 'Room for random crops on each side, as a share of the input; default 1/14' },
  { flags: '--identities-per-batch', text: 'People in a batch; default 32' },
  { flags: '--faces-per-identity', text: 'Faces of each, at most; default 8' },
  { flags: '--negatives', text: 'Faces of others in a batch; default 0' },
  { flags: '--no-augment', text: 'Show images as they are', boolean: true },
  { flags: '--colour', text: 'Largest change of brightness, contrast and saturation, 0..1; default 0.2' },
  { flags: '--jpeg', text: 'Share of images that are compressed anew, 0..1; default 0.1' },
  { flags: '--steps', text: 'Steps in all' },
  { flags: '--epochs', text: 'Turns of everybody, instead' },
  { flags: '--minutes', text: 'End after so long, whatever is done' },
  { flags: '--optimizer', text: 'sgd, momentum, adagrad or adam; default adagrad' },
  { flags: '--learning-rate', text: 'Default 0.05' },
  { flags: '--schedule', text: 'constant, cosine, or step:<factor>@<step>,<step>...; default constant' },
  { flags: '--margin', text: 'Of the triplet loss; default 0.2' },
  {
    flags: '--strategy',
    text: 'Which triplets are learned from: all, semi-hard or hard; default semi-hard',
  },
  { flags: '--selection', text: 'Where triplets are selected: online (in each batch) or offline; default online' },
  { flags: '--select-every', text: 'With --selection offline: steps between selections; default 50' },
  { flags: '--select-from', text: 'With --selection offline: faces that are selected among; default 1800' },
  { flags: '--weight-decay', text: 'Default 0' },
  { flags: '--clip-norm', text: 'Longest gradient; default unlimited' },
  { flags: '--freeze', text: 'Layers that stay as they are, with commas; * at the end stands for any ending' },
  { flags: '--seed', text: 'Of weights, batches and augmentation; default 0' },
  { flags: '--chunk', text: 'Images computed together; default as many as fit 1 GiB, at most 64; on CUDA 256' },
  { flags: '--memory', text: 'MiB for decoded images; default 2048' },
  { flags: '--validation', text: 'Pairs to judge the network by, as Labeled Faces in the Wild lists them' },
  { flags: '--validation-images', text: 'Folder or .tar with their images', repeatable: true },
  { flags: '--validate-every', text: 'Steps; default 200' },
  { flags: '--patience', text: 'End after so many validations without a better one' },
  { flags: '--checkpoint-every', text: 'Steps; default 200' },
  { flags: '--on-collapse', text: 'warn, lower-rate or switch-strategy; default warn' },
]

export const commands: Command[] = [
  {
    name: 'embed',
    operands: '<images...>',
    count: [1, Infinity],
    text: 'Embed images: files, folders and .tar shards.',
    options: [
      model,
      { ...out, text: 'File to write: .npy, .parquet or .jsonl; without it, rows go to stdout' },
      align,
      { flags: '--faces', text: 'Faces of each image: largest, all or one (more is an error); default all' },
      ...detection,
      { flags: '--batch-size', text: 'Faces a batch; default 32' },
    ],
    examples: ['embed photos/ --model m.safetensors --out faces.npy', 'embed a.jpg b.jpg --model m.safetensors --json'],
    load: () => import('./commands/embed.js'),
  },
  {
    name: 'verify',
    operands: '<a> <b>',
    count: [2, 2],
    text: 'Say whether two images show the same person.',
    options: [
      model,
      align,
      { flags: '--faces', text: 'Face of each image: largest, or one (more is an error); default largest' },
      ...detection,
      threshold,
    ],
    examples: ['verify a.jpg b.jpg --model m.safetensors'],
    load: () => import('./commands/verify.js'),
  },
  {
    name: 'search',
    operands: '<gallery> <images...>',
    count: [2, Infinity],
    text: 'Find the faces of a gallery that are nearest to those of images.',
    options: [
      model,
      { flags: '--k', text: 'Rows of the gallery to show for each face, 1..128; default 5' },
      align,
      { flags: '--faces', text: 'Faces of each image: largest, all or one (more is an error); default all' },
      ...detection,
      threshold,
      { flags: '--batch-size', text: 'Faces a batch; default 32' },
    ],
    examples: [
      'search faces.npy anna.jpg --model m.safetensors',
      'search people/ party.jpg --k 1 --model m.safetensors --json',
    ],
    load: () => import('./commands/search.js'),
  },
  {
    name: 'detect',
    operands: '<images...>',
    count: [1, Infinity],
    text: 'Find faces: boxes, scores and five points.',
    options: [
      ...detection,
      { flags: '--overlay', text: 'Picture to write (.jpg, .png, .webp): the one image with its faces marked' },
    ],
    examples: ['detect party.jpg --overlay found.jpg', 'detect photos/ --json'],
    load: () => import('./commands/detect.js'),
  },
  {
    name: 'evaluate',
    operands: '<lfw|ytf|pairs|robustness> <images...>',
    count: [2, Infinity],
    text: 'Judge a model by the protocols of the paper.',
    options: [
      { ...model, text: `${model.text}. robustness: repeated, several are compared`, repeatable: true },
      { flags: '--align', text: 'none, center, points or detect; default none' },
      { flags: '--center-fraction', text: 'Middle part of an image that center uses, each way; default 0.5' },
      {
        flags: '--detector',
        text: 'Detector file for --align detect; default $FACENET_DETECTOR, then that of @vladmandic/face-api',
      },
      { flags: '--flip', text: 'Average each embedding with that of the mirror image', boolean: true },
      {
        flags: '--pairs',
        text: "lfw, robustness: pairs.txt, or the folder of the lists; for lfw beside the images if left out. ytf: the splits' file",
      },
      { flags: '--view', text: 'lfw: 2 (ten folds) or 1 (development); default 2' },
      { flags: '--frames', text: 'ytf: frames of a video, the first ones; default 100' },
      {
        flags: '--skip-missing',
        text: 'lfw, ytf, robustness: leave out pairs whose images are missing',
        boolean: true,
      },
      { flags: '--far', text: 'pairs, robustness: false accept rate the threshold is chosen for; default 0.001' },
      { flags: '--splits', text: 'pairs, robustness: disjoint sets of people for standard errors; default 5' },
      {
        flags: '--training-images',
        text: 'robustness: how many images each model was trained on, with commas, in the order of --model',
      },
      { flags: '--table', text: 'pairs: table (.tsv) with a column name and others' },
      { flags: '--slice', text: 'pairs: column of the table whose values are judged apart' },
      { ...out, text: 'pairs: threshold file to write (.json)' },
      ...report,
      { flags: '--batch-size', text: 'Images a batch; default 32' },
    ],
    examples: [
      'evaluate lfw lfw.tar --model m.safetensors --align points --report lfw.html',
      'evaluate ytf ytf.tar --pairs ytf_splits.txt --model m.safetensors',
      'evaluate pairs photos/ --model m.safetensors --far 1e-3 --out threshold.json',
      'evaluate robustness lfw.tar --pairs pairs.txt --align points --model a.safetensors --model b.safetensors',
    ],
    load: () => import('./commands/evaluate.js'),
  },
  {
    name: 'cluster',
    operands: '<images...>',
    count: [1, Infinity],
    text: 'Sort images by person: files, folders and .tar shards.',
    options: [
      model,
      align,
      { flags: '--faces', text: 'Faces of each image: largest, all or one (more is an error); default all' },
      ...detection,
      threshold,
      { flags: '--method', text: 'agglomerative or dbscan; default agglomerative' },
      { flags: '--linkage', text: 'agglomerative: average, complete or single; default average' },
      {
        flags: '--min-faces',
        text: 'dbscan: neighbours, itself counted, of a face in the core of a cluster; default 3',
      },
      { ...out, text: 'Folder to write a folder of each person into, or a .json file; without it, a table on stdout' },
      { flags: '--score-folders', text: 'Score against people: the folders that images are in', boolean: true },
      ...report,
      { flags: '--batch-size', text: 'Images a batch; default 64' },
    ],
    examples: ['cluster photos/ --model m.safetensors --out people'],
    load: () => import('./commands/cluster.js'),
  },
  {
    name: 'train',
    operands: '<folders|tars...>',
    count: [1, Infinity],
    text: 'Train a network on images that lie in a folder for each person.',
    options: training,
    examples: [
      'train people/ --network nns2 --batch-norm --minutes 60 --out run',
      'train people.tar --from m.safetensors --freeze conv1,inception3* --epochs 20 --out run',
      'train people/ --resume --out run',
    ],
    load: () => import('./commands/train.js'),
  },
  {
    name: 'import',
    operands: '<weights>',
    count: [1, 1],
    text: 'Make a model file from ONNX, from safetensors with a graph, or from a tfjs weight manifest; or a detector file.',
    options: [
      { flags: '--graph', text: 'Node list (.graph.json) of a .safetensors file' },
      { ...out, text: 'Model file to write (.safetensors)' },
      { flags: '--size', text: 'Input size, height x width, as 112x112' },
      { flags: '--color', text: 'Channel order of the input: rgb, bgr or grey' },
      { flags: '--mean', text: 'Subtracted from each pixel: one value, or three with commas' },
      { flags: '--scale', text: 'Multiplied after that: one value, or three with commas' },
      { flags: '--name', text: 'Name of the model' },
      { flags: '--threshold', text: 'Squared distance below which two faces are one person' },
      {
        flags: '--alignment',
        text: 'How its faces are cut out: dlib, arcface112, margin:<pixels>, margin:<percent>% or none',
      },
    ],
    examples: ['import w.safetensors --graph g.json --size 112x112 --mean 127.5 --scale 0.0078125 --out m.safetensors'],
    load: () => import('./commands/import.js'),
  },
  {
    name: 'export',
    operands: '<model>',
    count: [1, 1],
    text: 'Write a model file as ONNX.',
    options: [{ ...out, text: 'ONNX file to write' }],
    examples: ['export m.safetensors --out m.onnx'],
    load: () => import('./commands/export.js'),
  },
  {
    name: 'networks',
    operands: '[name]',
    count: [0, 1],
    text: 'List the networks, or the layers of one.',
    options: [
      { flags: '--plan', text: 'What is executed: shapes, offsets, what was fused', boolean: true },
      { flags: '--training', text: 'With --plan: what training executes, forward and backward', boolean: true },
    ],
    examples: ['networks nn2 --plan', 'networks nn2 --plan --training'],
    load: () => import('./commands/networks.js'),
  },
  {
    name: 'info',
    operands: '',
    count: [0, 0],
    text: 'Say what this build can do, and which device it uses.',
    options: [],
    load: () => import('./commands/info.js'),
  },
  {
    name: 'bench',
    operands: '',
    count: [0, 0],
    text: 'Measure against onnxruntime-node. Needs a clone of the repository.',
    options: [{ flags: '--network', text: 'One network only' }],
    load: () => import('./commands/bench.js'),
  },
  {
    name: 'build',
    operands: '',
    count: [0, 0],
    text: 'Compile the native addon here.',
    options: [],
    load: () => import('./commands/build.js'),
  },
]
