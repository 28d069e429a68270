/** Options of the commands that find and embed faces: embed, verify, search, detect, cluster. */
import type { TemplateName } from '../../images/index.js'
import type { Shard } from '../../sources/shard.js'
import { flag, group, integer, oneOf, parsed, pathEnding, required, text, type Values } from './option.js'
import {
  alignOptions,
  batchOptions,
  detectionOptions,
  facesOptions,
  gateOptions,
  modelOptions,
  oneFaceOptions,
  outOption,
  reportOptions,
  sourceOptions,
  thresholdOptions,
} from './shared.js'

/** `2/8` */
function readShard(given: string): Shard | undefined {
  const [, index, count] = /^(\d{1,7})\/(\d{1,7})$/.exec(given)?.map(Number) ?? []
  return index !== undefined && index >= 1 && index <= count! ? { index, count: count! } : undefined
}

const galleryEndings = ['.db', '.sqlite']

/** Whether `embed --out` means a gallery. */
export const isGalleryName = (path: string) => galleryEndings.some((ending) => path.toLowerCase().endsWith(ending))

export const embedOptions = {
  ...modelOptions,
  ...sourceOptions,
  ...group('Images', {
    shard: parsed(
      'i/n with i from 1 to n, as 2/8',
      { text: 'Embed the i-th of n equal parts of the images: each run takes another', value: '<i/n>' },
      readShard,
    ),
  }),
  ...alignOptions,
  ...facesOptions,
  ...detectionOptions,
  ...gateOptions,
  ...group('Output', {
    out: pathEnding(['.npy', '.parquet', '.jsonl', ...galleryEndings], {
      ...outOption,
      text: 'File to write, or gallery (.db, .sqlite) to add to',
      defaultText: 'rows are printed on stdout',
    }),
    resume: flag({
      text: 'With --out: keep what is done in <out>.partial, and go on with what a run that was ended has left there',
    }),
    stats: flag({
      text: 'Say at the end how many images a second were embedded, and for which share of the time each stage was at work; with --json as a last line',
    }),
  }),
  ...batchOptions,
}
export type EmbedOptions = Values<typeof embedOptions>

export const verifyOptions = {
  ...modelOptions,
  ...sourceOptions,
  ...alignOptions,
  ...oneFaceOptions,
  ...detectionOptions,
  ...thresholdOptions,
}
export type VerifyOptions = Values<typeof verifyOptions>

export const searchOptions = {
  ...modelOptions,
  ...sourceOptions,
  ...alignOptions,
  ...facesOptions,
  ...detectionOptions,
  ...thresholdOptions,
  ...group('Output', {
    k: integer({ text: 'Rows of the gallery to show per face', min: 1, max: 128, default: 5 }),
  }),
  ...batchOptions,
}
export type SearchOptions = Values<typeof searchOptions>

export const detectOptions = {
  ...sourceOptions,
  ...detectionOptions,
  ...group('Output', {
    overlay: pathEnding(['.jpg', '.jpeg', '.png', '.webp'], {
      text: 'Picture to write: the image, which is the only one, with its faces marked',
    }),
  }),
}
export type DetectOptions = Values<typeof detectOptions>

export const clusterOptions = {
  ...modelOptions,
  ...sourceOptions,
  ...alignOptions,
  ...facesOptions,
  ...detectionOptions,
  ...gateOptions,
  ...thresholdOptions,
  ...group('Clustering', {
    method: oneOf(['agglomerative', 'dbscan'], { text: 'How faces are clustered', default: 'agglomerative' }),
    linkage: oneOf(['average', 'complete', 'single'], {
      text: 'With --method agglomerative: which distance between two clusters decides whether they are joined',
      default: 'average',
    }),
    gallery: text({
      text: 'Put the faces to the people of this gallery, which is made where there is none; nobody who is there is moved',
      value: '<file>',
    }),
    minFaces: integer({
      text:
        'With --method dbscan: neighbours, itself included, that put a face in the core of a cluster; with --gallery: faces ' +
        'that make a new person',
      min: 1,
      default: 3,
    }),
    scoreFolders: flag({ text: 'Compare the clusters with the folders of the images, one folder per person' }),
  }),
  ...group('Output', {
    out: text({
      ...outOption,
      text: 'Folder to write, with one folder per person, or a .json file',
      value: '<path>',
      defaultText: 'a table is printed on stdout',
    }),
    files: oneOf(['hard', 'symbolic', 'copy'], {
      text: 'With a folder: hard links, or copies where the disk has none; symbolic links; or copies',
      value: '<kind>',
      default: 'hard',
    }),
  }),
  ...reportOptions,
  ...batchOptions,
}
export type ClusterOptions = Values<typeof clusterOptions>

export const cropOptions = {
  ...sourceOptions,
  ...facesOptions,
  ...detectionOptions,
  ...gateOptions,
  ...group('Crops', {
    template: parsed(
      'dlib, arcface112, margin:<pixels> or margin:<percent>%',
      { text: 'Where the face belongs in a crop', value: '<template>', default: 'arcface112' as TemplateName },
      (given) => (/^(dlib|arcface112|margin:\d{1,4}(\.\d{1,4})?%?)$/.test(given) ? (given as TemplateName) : undefined),
    ),
    size: integer({
      text: 'Width and height of a crop, in pixels',
      value: '<pixels>',
      min: 8,
      max: 4096,
      default: 112,
    }),
  }),
  ...group('Output', {
    out: required(text({ ...outOption, text: 'Folder to write, which is new or empty', value: '<folder>' })),
  }),
  ...batchOptions,
}
export type CropOptions = Values<typeof cropOptions>
