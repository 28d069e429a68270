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
  /** Size of the window. */
  kernel: Extent
  /** Pixels from one window to the next. */
  stride: Extent
  /** Pixels from one tap of the window to the next; 1 where it is left out. */
  dilation?: Extent
  /** Rows and columns added around the image: zeros for convolutions, nothing at all for pools. */
  padding: Padding
}

/** Of pooling. */
export interface PoolAttributes extends WindowAttributes {
  /** How the number of windows is rounded where the last one does not fit; `floor` where it is left out. */
  rounding?: Rounding
  /** `avg_pool`, and `l2_pool` with `mean`: divide by the window inside the padded image rather than inside the image. */
  countPadding?: boolean
  /** `l2_pool`: sqrt of the mean of squares rather than of their sum. */
  mean?: boolean
}

/** Fields every node has. `name` is unique and names the tensor the node makes; `inputs` name earlier nodes. */
export interface NodeBase {
  /** Unique in its graph; also the name of the tensor that the node makes. */
  name: string
  /** Names of earlier nodes, or of the graph's input. */
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
    | { op: 'instance_norm'; attributes: { epsilon: number } }
    | { op: 'layer_norm'; attributes: { epsilon: number } }
    | {
        op: 'cross_covariance_attention'
        attributes: { heads: number; epsilon?: number }
        tensors: { scale: string }
      }
    | { op: 'affine'; tensors: { scale?: string; shift?: string } }
    | { op: 'relu' }
    | { op: 'relu6' }
    | { op: 'sigmoid' | 'hard_swish' | 'tanh' | 'softplus' | 'gelu' | 'gelu_tanh' }
    | { op: 'hard_sigmoid'; attributes?: { alpha?: number; beta?: number } }
    | { op: 'swish' | 'elu'; attributes?: { alpha?: number } }
    | { op: 'selu'; attributes?: { alpha?: number; gamma?: number } }
    | { op: 'clip'; attributes: { min?: number; max?: number } }
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
    | { op: 'multiply' | 'maximum' | 'minimum' }
    | { op: 'zero_pad'; attributes: { padding?: Padding; channels?: number } }
    | { op: 'constant_pad'; attributes: { padding?: Padding; channels?: number; value: number } }
    | { op: 'edge_pad' | 'reflect_pad'; attributes: { padding: Padding } }
    | { op: 'channel_shuffle'; attributes: { groups: number } }
    | { op: 'upsample'; attributes: { factor: number } }
    | { op: 'l2_normalize'; attributes?: { epsilon?: number } }
  )

/** Names of all ops. */
export type OpName = GraphNode['op']

/** A network as data: its input, its nodes in order, and which of them are its outputs. */
export interface GraphDescription {
  /** The network's name, as in `nn4.small2`. */
  name: string
  /** dtype `u8`: interleaved RGB images, and the first op is `preprocess`; `f32`: H x W x C activations. */
  input: { name: string; height: number; width: number; channels: number; dtype: 'u8' | 'f32' }
  /** In topological order. */
  nodes: GraphNode[]
  /** Names of the nodes whose tensors are the outputs; of a network that embeds, exactly one. */
  outputs: string[]
}
