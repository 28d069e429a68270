/** Options of `gallery`. `kinds` are the actions that take an option. */
import {
  flag,
  group,
  integer,
  number,
  type OptionTable,
  oneOf,
  pathEnding,
  text,
  texts,
  type Values,
} from './option.js'
import {
  alignOptions,
  batchOptions,
  detectionOptions,
  facesOptions,
  gateOptions,
  mixedOptions,
  modelOptions,
  outOption,
  sourceOptions,
  thresholdOptions,
} from './shared.js'

export const galleryActions = [
  'add',
  'remove',
  'search',
  'list',
  'stats',
  'export',
  'verify',
  'cluster',
  'name',
  'apply',
  'migrate',
  'report',
] as const
export type GalleryAction = (typeof galleryActions)[number]

/** The same options, which these actions take. */
function of<T extends OptionTable>(kinds: readonly GalleryAction[], table: T): T {
  return Object.fromEntries(Object.entries(table).map(([name, option]) => [name, { ...option, kinds }])) as unknown as T
}

const embedding = ['add', 'search', 'cluster'] as const

export const galleryOptions = {
  ...of([...embedding, 'migrate'], modelOptions),
  ...of(embedding, sourceOptions),
  ...of(embedding, alignOptions),
  ...of(embedding, facesOptions),
  ...of(embedding, detectionOptions),
  ...of(['add', 'cluster'], gateOptions),
  ...of(['search', 'cluster'], thresholdOptions),
  ...of(embedding, mixedOptions),
  ...of([...embedding, 'migrate'], batchOptions),
  ...group('People', {
    person: text({
      text: 'Whose faces they are; with remove and list: only faces of this person, by name or as person-12',
      value: '<name>',
      kinds: ['add', 'remove', 'list'],
    }),
    folders: flag({
      text: 'The folder of a photograph names its person; with migrate: of those of --common',
      kinds: ['add', 'migrate'],
    }),
    people: flag({ text: 'List people instead of faces', kinds: ['list'] }),
    hidden: flag({ text: 'With --people: hidden people too', kinds: ['list'] }),
    linkage: oneOf(['average', 'complete', 'single'], {
      text: 'Which distance between two clusters decides whether they are joined',
      default: 'average',
      kinds: ['cluster'],
    }),
    minFaces: integer({
      text: 'Faces that make a new person; fewer stay unassigned, and are looked at again the next time',
      min: 1,
      default: 3,
      kinds: ['cluster'],
    }),
  }),
  ...group('Images', {
    image: text({
      text: 'Only faces of this photograph, by its path in the gallery',
      value: '<path>',
      kinds: ['remove', 'list'],
    }),
    again: flag({
      text: 'Embed photographs that are in the gallery too; their faces keep ids and people',
      kinds: ['add'],
    }),
  }),
  ...group('Migration', {
    root: text({
      text: 'Folder that photographs were moved to; they have their new paths afterwards',
      value: '<folder>',
      kinds: ['migrate'],
    }),
    map: flag({
      text: 'Map the embeddings of faces whose photographs are gone, by those of faces that both models have embedded',
      kinds: ['migrate'],
    }),
    common: texts({
      text: 'With --map: files of embeddings of the same photographs, one of the old model and one of the new; given twice',
      value: '<file>',
      kinds: ['migrate'],
    }),
    maxLoss: number({
      text: 'With --map: most VAL that may be lost, as a share',
      min: 0,
      max: 1,
      default: 0.02,
      kinds: ['migrate'],
    }),
    keep: text({ text: 'Copy of the gallery as it was, to be written', value: '<file>', kinds: ['migrate'] }),
  }),
  ...group('Storage', {
    storage: oneOf(['f32', 'i8'], {
      text: 'How a gallery that is made keeps embeddings: i8 takes a quarter of the disk, in 8 bits a value',
      value: '<type>',
      defaultText: 'f32',
      kinds: ['add'],
    }),
  }),
  ...group('Output', {
    k: integer({ text: 'Faces to show per face', min: 1, max: 128, default: 5, kinds: ['search'] }),
    out: pathEnding(['.npy', '.parquet', '.jsonl', '.html'], {
      ...outOption,
      text: 'File to write: of embeddings, or with report a page (.html)',
      kinds: ['export', 'report'],
    }),
  }),
}
export type GalleryOptions = Values<typeof galleryOptions>
