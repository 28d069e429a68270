/** The commands as data: what each is called with, its options, and where its code is. */
import type { Context } from './context.js'
import { benchOptions } from './options/bench.js'
import { evaluateOptions, protocols } from './options/evaluate.js'
import {
  buildOptions,
  exportOptions,
  importOptions,
  modelActions,
  modelsOptions,
  networksOptions,
} from './options/files.js'
import { galleryActions, galleryOptions } from './options/gallery.js'
import {
  clusterOptions,
  cropOptions,
  detectOptions,
  embedOptions,
  searchOptions,
  verifyOptions,
} from './options/images.js'
import type { OptionTable, Values } from './options/option.js'
import { serveOptions } from './options/serve.js'
import { trainOptions } from './options/train.js'

export interface Command {
  name: string
  /** Operands as the help shows them. */
  operands: string
  /** How many operands it takes. */
  count: { min: number; max: number }
  text: string
  /** Beside those of every command. */
  options: OptionTable
  /** Without the program's name. */
  examples: string[]
  // biome-ignore lint/suspicious/noExplicitAny: `command` has checked that it takes the values of `options`.
  load(): Promise<{ run(context: Context<any>): Promise<void> }>
}

interface CommandWith<T extends OptionTable> extends Omit<Command, 'options' | 'load'> {
  options: T
  load(): Promise<{ run(context: Context<Values<T>>): Promise<void> }>
}

/** Checks, as types, that a command's code takes the values of its options. */
const command = <T extends OptionTable>(described: CommandWith<T>): Command => described

const none = { min: 0, max: 0 }
const exactlyOne = { min: 1, max: 1 }
const oneOrMore = { min: 1, max: Infinity }

export const commands: readonly Command[] = [
  command({
    name: 'embed',
    operands: '<images...>',
    count: oneOrMore,
    text: 'Compute the embeddings of faces in images: files, folders and archives.',
    options: embedOptions,
    examples: ['embed photos/ --model m.safetensors --out faces.npy', 'embed a.jpg b.jpg --model m.safetensors --json'],
    load: () => import('./commands/embed.js'),
  }),
  command({
    name: 'verify',
    operands: '<a> <b>',
    count: { min: 2, max: 2 },
    text:
      'Say whether two photographs show the same person. Either may be a .npy, .jsonl or .parquet file of one face that embed ' +
      'wrote.',
    options: verifyOptions,
    examples: [
      'verify a.jpg b.jpg --model m.safetensors',
      'verify a.jpg b.jpg --threshold t.json --faces one --json',
      'verify anna.npy door.jpg --model m.safetensors',
    ],
    load: () => import('./commands/verify.js'),
  }),
  command({
    name: 'search',
    operands: '<gallery> <images...>',
    count: { min: 2, max: Infinity },
    text:
      'Find the faces of a gallery that are nearest to the faces in images. The gallery is one that gallery add made, a .npy, ' +
      '.jsonl or .parquet file that embed wrote, or images.',
    options: searchOptions,
    examples: [
      'search faces.npy anna.jpg --model m.safetensors',
      'search people/ party.jpg --k 1 --model m.safetensors --json',
    ],
    load: () => import('./commands/search.js'),
  }),
  command({
    name: 'gallery',
    operands: `<${galleryActions.join('|')}> <gallery> [images|ids...]`,
    count: { min: 2, max: Infinity },
    text:
      'Keep faces in a file, and find them again: add photographs or files of embeddings, remove faces, search for those on images, ' +
      'list faces or people, say how much there is (stats), export to a file of embeddings, verify that the gallery is whole, put ' +
      'faces to people (cluster), name a person, apply a file of edits, write a page on which people are edited ' +
      '(report), and bring the gallery to another model (migrate).',
    options: galleryOptions,
    examples: [
      'gallery add people.db photos/',
      'gallery add people.db anna/ --person Anna',
      'gallery search people.db party.jpg --threshold threshold.json',
      'gallery cluster people.db photos/',
      'gallery name people.db person-3 Anna',
      'gallery report people.db --out people.html',
      'gallery remove people.db --person Anna',
      'gallery export people.db --out faces.parquet',
      'gallery migrate people.db --model better.safetensors --keep before.db',
    ],
    load: () => import('./commands/gallery.js'),
  }),
  command({
    name: 'detect',
    operands: '<images...>',
    count: oneOrMore,
    text: 'Find faces in images: boxes, scores and five points per face.',
    options: detectOptions,
    examples: ['detect party.jpg --overlay found.jpg', 'detect photos/ --json'],
    load: () => import('./commands/detect.js'),
  }),
  command({
    name: 'crop',
    operands: '<images...>',
    count: oneOrMore,
    text: 'Cut out the faces of images, aligned: pictures of one size, and a table of their points, places and quality.',
    options: cropOptions,
    examples: ['crop photos/ --out faces', 'crop album.tar --out faces --template dlib --size 150 --min-sharpness 20'],
    load: () => import('./commands/crop.js'),
  }),
  command({
    name: 'evaluate',
    operands: `<${protocols.join('|')}> <images...>`,
    count: { min: 2, max: Infinity },
    text:
      'Measure how well a model tells people apart: on Labeled Faces in the Wild (lfw), on YouTube Faces (ytf), on all pairs ' +
      'of images that lie in one folder per person (pairs), and on compressed and small images (robustness).',
    options: evaluateOptions,
    examples: [
      'evaluate lfw lfw.tar --model m.safetensors --align points --report lfw.html',
      'evaluate ytf ytf.tar --pairs ytf_splits.txt --model m.safetensors',
      'evaluate pairs photos/ --model m.safetensors --far 1e-3 --out threshold.json',
      'evaluate robustness lfw.tar --pairs pairs.txt --align points --model a.safetensors --model b.safetensors',
    ],
    load: () => import('./commands/evaluate.js'),
  }),
  command({
    name: 'cluster',
    operands: '<images...>',
    count: oneOrMore,
    text: 'Sort images by person: files, folders and archives.',
    options: clusterOptions,
    examples: [
      'cluster photos/ --model m.safetensors --out people',
      'cluster photos/ --model m.safetensors --method dbscan --report clusters.html',
    ],
    load: () => import('./commands/cluster.js'),
  }),
  command({
    name: 'train',
    operands: '<images...>',
    count: oneOrMore,
    text: 'Train a network on images that lie in one folder per person, in folders or archives.',
    options: trainOptions,
    examples: [
      'train people/ --network nns2 --batch-norm --minutes 60 --out run',
      'train people.tar --from m.safetensors --freeze conv1,inception3* --epochs 20 --out run',
      'train people/ --resume --out run',
    ],
    load: () => import('./commands/train.js'),
  }),
  command({
    name: 'import',
    operands: '<weights>',
    count: exactlyOne,
    text:
      'Make a model file from ONNX, from safetensors with a graph, from a tfjs weight manifest, or from the weights of ' +
      'Inception-ResNet-v1 (.pt, .safetensors, .h5) or nn4.small2 (.t7); or a detector file from the weights of YuNet, ' +
      'SCRFD, RetinaFace, MTCNN or face-api.',
    options: importOptions,
    examples: [
      'import w.onnx --mean 127.5 --scale 0.0078125 --out m.safetensors',
      'import 20180402-114759-vggface2.pt --out m.safetensors',
      'import w.safetensors --graph g.json --size 112x112 --mean 127.5 --scale 0.0078125 --out m.safetensors',
      'import face_detection_yunet.onnx --out detector.safetensors',
    ],
    load: () => import('./commands/import.js'),
  }),
  command({
    name: 'export',
    operands: '<model>',
    count: exactlyOne,
    text: 'Write a model file as ONNX.',
    options: exportOptions,
    examples: ['export m.safetensors --out m.onnx'],
    load: () => import('./commands/export.js'),
  }),
  command({
    name: 'networks',
    operands: '[name]',
    count: { min: 0, max: 1 },
    text: 'List the networks, or show the layers of one.',
    options: networksOptions,
    examples: ['networks', 'networks nn2 --plan', 'networks nn2 --plan --training'],
    load: () => import('./commands/networks.js'),
  }),
  command({
    name: 'models',
    operands: `<${modelActions.join('|')}> [name] [file]`,
    count: { min: 1, max: 3 },
    text:
      'Well-known models by name: list them, say what is known of one, fetch it into the cache (pull), import it from a file that was ' +
      'downloaded by hand, print the path of its file, or remove it.',
    options: modelsOptions,
    examples: [
      'models list',
      'models info sface',
      'models pull sface',
      'models import buffalo_l buffalo_l.zip --accept-license',
    ],
    load: () => import('./commands/models.js'),
  }),
  command({
    name: 'serve',
    operands: '',
    count: none,
    text:
      'Answer requests by HTTP: embed, detect, verify and search. SIGTERM ends it once accepted requests are answered. Needs npm install ' +
      'fastify @fastify/multipart prom-client.',
    options: serveOptions,
    examples: ['serve --port 8080 --gallery faces.npy', 'serve --host 0.0.0.0 --api-key-file key.txt --threads 4'],
    load: () => import('./commands/serve.js'),
  }),
  command({
    name: 'info',
    operands: '',
    count: none,
    text: 'Say what this build can do, which device it uses, and why.',
    options: {},
    examples: ['info', 'info --json'],
    load: () => import('./commands/info.js'),
  }),
  command({
    name: 'doctor',
    operands: '',
    count: none,
    text: 'Check all that embedding needs: Node, the addon and its package, devices, sharp, the cache, the default model.',
    options: {},
    examples: ['doctor', 'doctor --json'],
    load: () => import('./commands/doctor.js'),
  }),
  command({
    name: 'bench',
    operands: '',
    count: none,
    text:
      'Measure how fast a model is on this machine, how much memory it takes and how near it is to what the machine can do, beside ' +
      'onnxruntime-node and beside earlier runs. Without a model: the networks of the repository, in a clone of it.',
    options: benchOptions,
    examples: [
      'bench --model m.safetensors --batch 1,32 --against onnxruntime --out now.json',
      'bench --compare now.json',
      'bench --network nn2 --threads 1',
    ],
    load: () => import('./commands/bench.js'),
  }),
  command({
    name: 'build',
    operands: '',
    count: none,
    text: 'Compile the native addon on this machine, where no package has it. Needs a C++ compiler, CMake and oneDNN.',
    options: buildOptions,
    examples: ['build', 'build --no-cuda'],
    load: () => import('./commands/build.js'),
  }),
]
