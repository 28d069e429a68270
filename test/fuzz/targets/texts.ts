/** Lists, tables and JSON: what is read as text. */
import fc from 'fast-check'
import { parseGraphJson } from '../../../lib/convert/importers/graph_json.js'
import { lowerModel } from '../../../lib/convert/importers/lower.js'
import { parseManifest } from '../../../lib/convert/importers/tfjs.js'
import { parseLfwPairs } from '../../../lib/evaluation/lfw_pairs.js'
import { parseFrameTable, parseYtfSplits } from '../../../lib/evaluation/ytf_splits.js'
import { checkGraph } from '../../../lib/files/model/graph_schema.js'
import { parseStrictJson } from '../../../lib/files/strict_json.js'
import { parseProgress } from '../../../lib/report/training_progress.js'
import { parsePoints } from '../../../lib/sources/points.js'
import { small } from '../../training/small_trainer.js'
import { changedText, target } from '../target.js'

const pairs = '2\t1\nAnna_A\t1\t2\nCleo\t1\tAnna_A\t3\nBen\t1\t3\nCleo\t1\tBen\t2\n'
const splits = '1, Anna_A/0, Anna_A/1, 0.5, 1\n1, Anna_A/0, Ben/2, 0.5, 0\n'
const points = 'a.jpg\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\nfolder/b.jpg\t1.5\t2\t3\t4\t5\t6\t7\t8\t9\t1e2\n'
const progress = '{"step":1,"loss":0.5,"active":3}\n{"step":2,"loss":0.25,"active":1}\n'

const names = fc.constantFrom('x', 'y', 'a', 'b', 'w', '__proto__', 'constructor', '')
const ops = fc.constantFrom(
  ...[
    'Relu',
    'Add',
    'Mul',
    'Sub',
    'Div',
    'Reshape',
    'Transpose',
    'Concat',
    'Flatten',
    'Pad',
    'Conv',
    'MaxPool',
    'Slice',
    'Split',
  ],
  ...[
    'Squeeze',
    'Unsqueeze',
    'Shape',
    'Gather',
    'Expand',
    'Tile',
    'Range',
    'Clip',
    'GlobalAveragePool',
    'ReduceMean',
    'toString',
  ],
)
const value = fc.oneof(
  fc.integer({ min: -3, max: 9 }),
  fc.string({ maxLength: 3 }),
  fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 5 }),
)
const attributeNames = fc.constantFrom(
  'axis',
  'axes',
  'perm',
  'pads',
  'kernel_shape',
  'strides',
  'group',
  'keepdims',
  'shape',
  'mode',
  'auto_pad',
)
const read = fc.oneof(
  fc.nat(4).map((i) => `n${i}`),
  names,
  fc.constant('x'),
)
const nodes = fc.record(
  {
    op: ops,
    name: names,
    in: fc.array(read, { maxLength: 3 }),
    attr: fc.dictionary(attributeNames, value, { maxKeys: 2 }),
  },
  { requiredKeys: ['op', 'in'] },
)
const graphs = fc.record({
  input: fc.constant('x'),
  output: fc.oneof(
    fc.nat(4).map((i) => `n${i}`),
    names,
  ),
  nodes: fc.array(nodes, { maxLength: 5 }).map((list) => list.map((node, i) => ({ ...node, out: [`n${i}`] }))),
  int_consts: fc.dictionary(names, fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), { maxLength: 5 })),
})

const weights = fc.record({
  name: names,
  shape: fc.array(fc.oneof(fc.nat(9), fc.constantFrom(-1, 2 ** 31, 2 ** 53, 0.5)), { maxLength: 4 }),
  dtype: fc.constantFrom('float32', 'int32', 'string'),
  quantization: fc.oneof(
    fc.constant(undefined),
    fc.record({ dtype: fc.constantFrom('uint8', 'uint16'), scale: fc.double(), min: fc.double() }),
  ),
})
const shard = fc.constantFrom('a.bin', 'b.bin', '../a', '/etc/passwd', 'a\u0000', '')
const manifests = fc.array(
  fc.record({ paths: fc.array(shard, { maxLength: 3 }), weights: fc.array(weights, { maxLength: 3 }) }),
  { maxLength: 3 },
)

/** A graph of ours with one field of one node replaced. */
const sound = JSON.stringify(small().graph)
const fields = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.constant(null),
  fc.array(fc.integer({ min: -1, max: 70_000 }), { maxLength: 4 }),
  fc.object(),
)
const ours = fc.tuple(fc.nat(sound.split(/[:,]/).length), fields).map(([at, field]) => {
  let count = 0
  return sound.replace(/(?<=:)(?:"[^"]*"|-?[\d.]+|true|false)/g, (found) =>
    count++ === at ? (JSON.stringify(field) ?? 'null') : found,
  )
})

export const texts = [
  target('strict-json', fc.oneof(fc.json(), changedText('{"a":[1,2,{"b":"c"}],"d":null}')), (text) =>
    parseStrictJson(text, 'text'),
  ),
  target('pairs.txt', changedText(pairs), (text) => parseLfwPairs(text, 'pairs.txt')),
  target('splits.txt', changedText(splits), (text) => parseYtfSplits(text, 'splits.txt')),
  target('frames.tsv', changedText('a.jpg\tAnna/0\t1\n'), (text) => parseFrameTable(text, 'frames.tsv')),
  target('points.tsv', changedText(points), (text) => parsePoints(text, 'points.tsv')),
  target('progress.jsonl', changedText(progress), (text) => parseProgress(text, 'progress.jsonl')),
  target('graph.json', graphs, (graph) =>
    lowerModel(parseGraphJson(JSON.stringify(graph), new Map()), { mean: 0, size: [4, 4] }),
  ),
  target('graph', ours, (text) => checkGraph(JSON.parse(text))),
  target(
    'tfjs',
    fc.oneof(
      manifests.map((value) => JSON.stringify(value)),
      fc.json(),
    ),
    (text) => parseManifest(text),
  ),
]
