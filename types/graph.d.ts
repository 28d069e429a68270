/**
 * A network as plain data: what the tables of `lib/convert/networks` expand to, what importers produce, what a model file's
 * metadata holds and what crosses the border to the native code once, when a model is opened.
 */

/** `[top, left, bottom, right]` in pixels. */
export type Padding = readonly [number, number, number, number]
/** `[height, width]` in pixels. */
export type Extent = readonly [number, number]

/** How the size of a pooled image is rounded. */
export type Rounding = 'floor' | 'ceil'

/** Of ops with a sliding window. */
export interface WindowAttributes {
  kernel: Extent
  stride: Extent
  padding: Padding
}

/** Of pooling. */
export interface PoolAttributes extends WindowAttributes {
  rounding?: Rounding
  /** `avg_pool`, and `l2_pool` with `mean`: divide by the window inside the padded image rather than inside the image. */
  countPadding?: boolean
  /** `l2_pool`: sqrt of the mean of squares rather than of their sum. */
  mean?: boolean
}

/** Fields every node has. `name` is unique and names the tensor the node makes; `inputs` name earlier nodes. */
export interface NodeBase {
  name: string
  inputs: string[]
}

/** The ops, their attributes and the names of their tensors. `native/ops/*.h` holds each one's formula. */
export type GraphNode = NodeBase &
  (
    | {
        op: 'preprocess'
        attributes: {
          mode: 'fixed' | 'per-image'
          color: 'rgb' | 'bgr' | 'grey'
          /** In the order of the network's channels; one value or three. Mode `fixed` only: (pixel - mean) * scale. */
          mean?: number[]
          scale?: number[]
        }
      }
    | {
        op: 'conv2d'
        attributes: WindowAttributes & { outChannels: number; groups?: number }
        /** weight: O x I/groups x KH x KW. */
        tensors: { weight: string; bias?: string }
      }
    | {
        op: 'batch_norm'
        attributes: { epsilon: number }
        tensors: { mean: string; variance: string; scale?: string; shift?: string }
      }
    | { op: 'affine'; tensors: { scale?: string; shift?: string } }
    | { op: 'relu' }
    | { op: 'relu6' }
    | { op: 'sigmoid' }
    | { op: 'prelu'; tensors: { slope: string } }
    | { op: 'max_pool' | 'avg_pool' | 'l2_pool'; attributes: PoolAttributes }
    | { op: 'global_pool'; attributes: { kind: 'max' | 'avg' | 'l2'; mean?: boolean } }
    | {
        op: 'lrn'
        attributes: { size: number; alpha: number; beta: number; bias: number; alphaPer: 'element' | 'window' }
      }
    | {
        op: 'fully_connected'
        /** `order`: how the input is flattened; `chw` (Caffe, PyTorch, ONNX) unless told. */
        attributes: { outFeatures: number; order?: 'chw' | 'hwc' }
        /** weight: out x in. */
        tensors: { weight: string; bias?: string }
      }
    | { op: 'maxout'; attributes: { pieces: number } }
    | { op: 'concat' }
    | { op: 'add'; attributes?: { factor?: number } }
    | { op: 'zero_pad'; attributes: { padding?: Padding; channels?: number } }
    | { op: 'upsample'; attributes: { factor: number } }
    | { op: 'l2_normalize'; attributes?: { epsilon?: number } }
  )

export type OpName = GraphNode['op']

export interface GraphDescription {
  name: string
  /** dtype `u8`: interleaved RGB images, and the first op is `preprocess`; `f32`: H x W x C activations. */
  input: { name: string; height: number; width: number; channels: number; dtype: 'u8' | 'f32' }
  /** In topological order. */
  nodes: GraphNode[]
  outputs: string[]
}
