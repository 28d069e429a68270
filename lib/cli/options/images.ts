/** Options of the commands that find and embed faces: embed, verify, search, detect, cluster. */
import { flag, group, integer, oneOf, pathEnding, text, type Values } from './option.js'
import {
  alignOptions,
  batchOptions,
  detectionOptions,
  facesOptions,
  modelOptions,
  oneFaceOptions,
  outOption,
  reportOptions,
  sourceOptions,
  thresholdOptions,
} from './shared.js'

export const embedOptions = {
  ...modelOptions,
  ...sourceOptions,
  ...alignOptions,
  ...facesOptions,
  ...detectionOptions,
  ...group('Output', {
    out: pathEnding(['.npy', '.parquet', '.jsonl'], { ...outOption, defaultText: 'rows are printed on stdout' }),
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
  ...thresholdOptions,
  ...group('Clustering', {
    method: oneOf(['agglomerative', 'dbscan'], { text: 'How faces are clustered', default: 'agglomerative' }),
    linkage: oneOf(['average', 'complete', 'single'], {
      text: 'With --method agglomerative: which distance between two clusters decides whether they are joined',
      default: 'average',
    }),
    minFaces: integer({
      text: 'With --method dbscan: neighbours, itself included, that put a face in the core of a cluster',
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
  }),
  ...reportOptions,
  ...batchOptions,
}
export type ClusterOptions = Values<typeof clusterOptions>
