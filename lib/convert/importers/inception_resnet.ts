/**
 * Published weights of Inception-ResNet-v1 as a model of ours, known by the names of their tensors. Classifiers that come with
 * them (`logits`, `Logits`) are left alone.
 */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import { invalidArgument, invalidModel } from '../../errors.js'
import type { ModelContents } from '../../files/model/model_file.js'
import { f32Tensor, type Tensor, toFloat32 } from '../../files/model/tensor.js'
import { networks } from '../networks/index.js'
import { tensorShapes } from '../networks/shapes.js'
import { type NameLayout, nameLayouts, placesOf, type Role } from './inception_resnet_names.js'
import { type InputOptions, inputNumbers } from './lower.js'
import { permuted, requireShape } from './turned.js'

/** Tensors of a file by their names; each is read when it is asked for. */
export interface NamedTensors {
  names: Iterable<string>
  /** undefined: not of floats. */
  read(name: string): Tensor | undefined | Promise<Tensor | undefined>
}

interface Found {
  layout: NameLayout
  /** What stands in front of and behind every name, such as `InceptionResnetV1/` and `:0`. */
  full(name: string): string
  names: ReadonlySet<string>
}

/** Undefined where the names are not those of this network. */
export function findInceptionResnet(given: Iterable<string>): Found | undefined {
  const names = new Set(given)
  for (const layout of nameLayouts) {
    for (const name of names) {
      const bare = name.replace(/:0$/, '')
      if (!bare.endsWith(layout.mark)) continue
      const prefix = bare.slice(0, -layout.mark.length)
      if (prefix !== '' && !/[/.]$/.test(prefix)) continue
      return { layout, names, full: (each) => prefix + each + name.slice(bare.length) }
    }
  }
  return undefined
}

/**
 * 512 floats: the networks of 2018, whose input is (x - 127.5) / 128. 128 floats: those of 2017, for which each image was
 * standardised by its own mean and deviation. Both were trained on detected boxes, made 32 pixels larger.
 */
export async function importInceptionResnet(
  source: NamedTensors,
  found: Found,
  options: InputOptions & { graph?: string } = {},
): Promise<ModelContents> {
  checkOptions(options)
  const weight = await sourceTensor(
    source,
    found,
    found.layout.tensor({ name: 'fc', kernel: [1, 1], length: 1 }, 'weight'),
  )
  const dimensions = weight.shape[found.layout.outLast ? 1 : 0] ?? 0
  if (weight.shape.length !== 2 || !(dimensions >= 1 && dimensions <= 65_536)) {
    throw invalidModel('weights of the last layer', 'a matrix of 1792 rows or columns', weight.shape.join('x'))
  }
  const plain = networks['inception-resnet-v1'].graph({ dimensions })
  const scales = await learnedScales(source, found, plain)
  const graph = withInput(withScales(plain, scales), options, dimensions)
  const places = placesOf(plain)
  const tensors = new Map<string, Tensor>()
  for (const [name, shape] of tensorShapes(graph)) {
    const [, layer, role] = /^(.+?)(?:\/bn)?\.(\w+)$/.exec(name)! as unknown as [string, string, Role]
    const sourceName = found.layout.tensor(places.get(layer)!, role)
    const tensor = scales.get(name) ?? (await sourceTensor(source, found, sourceName))
    tensors.set(name, turned(found.full(sourceName), tensor, shape, found.layout.outLast))
  }
  return { graph, tensors, alignment: 'margin:32' }
}

/** The size and the order of colours are the network's own; its input rule may be another's that was trained anew. */
function checkOptions({ size, color, graph }: InputOptions & { graph?: string }): void {
  if (graph !== undefined) throw invalidArgument('graph', 'nothing beside weights of a known network', graph)
  if (size && (size[0] !== 160 || size[1] !== 160)) throw invalidArgument('size', '160x160', size.join('x'))
  if (color !== undefined && color !== 'rgb') throw invalidArgument('color', 'rgb', color)
}

async function sourceTensor(source: NamedTensors, { names, full, layout }: Found, name: string): Promise<Tensor> {
  const tensor = names.has(full(name)) ? await source.read(full(name)) : undefined
  if (tensor) return tensor
  throw invalidModel(`weights of ${layout.title}'s Inception-ResNet-v1`, `a tensor ${full(name)} of floats`, 'none')
}

/** The scales of normalisations, by our names, that a file has and that are not all 1. TensorFlow's networks have none. */
async function learnedScales(
  source: NamedTensors,
  found: Found,
  graph: GraphDescription,
): Promise<Map<string, Tensor>> {
  const places = placesOf(graph)
  const scales = new Map<string, Tensor>()
  for (const node of graph.nodes) {
    if (node.op !== 'batch_norm') continue
    const name = found.layout.tensor(places.get(node.name.replace(/\/bn$/, ''))!, 'scale')
    if (!found.names.has(found.full(name))) continue
    const tensor = await sourceTensor(source, found, name)
    if (toFloat32(tensor).some((value) => value !== 1)) scales.set(`${node.name}.scale`, tensor)
  }
  return scales
}

function withScales(graph: GraphDescription, scales: ReadonlyMap<string, Tensor>): GraphDescription {
  const nodes = graph.nodes.map((node): GraphNode => {
    const scale = `${node.name}.scale`
    return node.op === 'batch_norm' && scales.has(scale) ? { ...node, tensors: { ...node.tensors, scale } } : node
  })
  return { ...graph, nodes }
}

function withInput(graph: GraphDescription, { mean, scale }: InputOptions, dimensions: number): GraphDescription {
  const stated = mean !== undefined || scale !== undefined
  if (!stated && dimensions !== 128) return graph
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.op !== 'preprocess') return node
    const attributes = stated
      ? ({
          mode: 'fixed',
          color: 'rgb',
          mean: inputNumbers('mean', mean ?? 0),
          scale: inputNumbers('scale', scale ?? 1),
        } as const)
      : ({ mode: 'per-image', color: 'rgb' } as const)
    return { ...node, attributes }
  })
  return { ...graph, nodes }
}

/** `shape` is ours: out, in, y, x of a kernel; out, in of a matrix. */
function turned(name: string, tensor: Tensor, shape: readonly number[], outLast: boolean): Tensor {
  if (shape.length === 1 || !outLast) {
    requireShape(name, tensor, shape)
    return f32Tensor(shape, toFloat32(tensor))
  }
  const [out, input, height = 1, width = 1] = shape as [number, number, number?, number?]
  requireShape(name, tensor, shape.length === 4 ? [height, width, input, out] : [input, out])
  return f32Tensor(shape, permuted(toFloat32(tensor), [height, width, input, out], [3, 2, 0, 1]))
}
