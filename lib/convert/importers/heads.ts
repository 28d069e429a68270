/**
 * What detectors of one look share: places that lie 8, 16 and 32 pixels apart, one output a stride and head (scores, boxes,
 * points), and anchors at every place. The networks are made of convolutions alone, so what is imported runs on an input of
 * any size that is a multiple of 32.
 */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import type { DetectorContents, DetectorKind } from '../../files/model/detector_file.js'
import { checkImport, type ImportCheck, notAsked } from './check.js'
import { type InputOptions, lowerModel } from './lower.js'
import type { SourceModel } from './source.js'

export const strides = [8, 16, 32] as const

/** The outputs of a detector. */
export interface Heads {
  /** Anchors at each place. */
  anchors: number
  /** By name, how many values a head has for each of them. */
  values: Readonly<Record<string, number>>
}

/** `score_8`, `score_16`, ..., and the channels of each. */
export function headOutputs({ anchors, values }: Heads): ReadonlyMap<string, { stride: number; channels: number }> {
  return new Map(
    Object.entries(values).flatMap(([head, count]) =>
      strides.map((stride) => [`${head}_${stride}`, { stride, channels: count * anchors }] as const),
    ),
  )
}

export type ImportedHeads = DetectorContents & { check: ImportCheck }

/** What of a detector its importer knows. */
export interface HeadsImport extends Pick<DetectorContents, 'license' | 'source'> {
  detector: DetectorKind
  heads: Heads
  input: Required<Pick<InputOptions, 'color' | 'mean' | 'scale'>>
  check: boolean | undefined
}

/** Throws ERR_FACENET_MODEL_INVALID where an op is not known, or an output is not one of the heads. */
export async function importHeads(source: SourceModel, known: HeadsImport): Promise<ImportedHeads> {
  const { detector, heads, input, check, ...notes } = known
  const lowered = lowerModel({ ...source, name: detector }, { ...input, size: sizeOf(source) })
  const { graph, tensors } = lowered
  const names = source.outputs.every((name) => headOutputs(heads).has(name))
    ? source.outputs
    : namesByShape(graph, lowered.outputs, heads)
  return {
    check: check === false ? notAsked : await checkImport(source, lowered, check === true),
    detector,
    graphs: { detect: withOutputNames(graph, names) },
    tensors,
    ...notes,
  }
}

/** Of an input that the file leaves open. */
const usualSide = 640

/** N x 3 x H x W. */
function sizeOf({ input: { dims } }: SourceModel): [number, number] {
  return [dims[2] ?? usualSide, dims[3] ?? usualSide]
}

/** The head that each output is, by its stride and its channels: exporters number them, each in its own order. */
function namesByShape(
  { input }: GraphDescription,
  outputs: readonly { shape: readonly [number, number, number] }[],
  heads: Heads,
): string[] {
  const wanted = headOutputs(heads)
  const names = outputs.map(({ shape: [height, width, channels] }) => {
    const fits = ([, head]: [string, { stride: number; channels: number }]) =>
      head.channels === channels && head.stride * height === input.height && head.stride * width === input.width
    return [...wanted].find(fits)?.[0]
  })
  if (names.length === wanted.size && [...wanted.keys()].every((name) => names.includes(name))) {
    return names as string[]
  }
  const sizes = [...wanted].map(([name, { stride, channels }]) => {
    return `${name} ${input.height / stride}x${input.width / stride}x${channels}`
  })
  throw invalidModel('outputs', sizes.join(', '), outputs.map(({ shape }) => shape.join('x')).join(', '))
}

/** Reshapes leave no node, so what makes an output bears another name; and another node may bear that of an output. */
function withOutputNames(graph: GraphDescription, names: readonly string[]): GraphDescription {
  const renamed = new Map(graph.outputs.map((from, i) => [from, names[i]!]))
  for (const { name } of graph.nodes) {
    if (names.includes(name) && !renamed.has(name)) renamed.set(name, `${name}/inner`)
  }
  const rename = (name: string) => renamed.get(name) ?? name
  const nodes = graph.nodes.map((node) => ({ ...node, name: rename(node.name), inputs: node.inputs.map(rename) }))
  return { ...graph, nodes, outputs: graph.outputs.map(rename) }
}
