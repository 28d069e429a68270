/** Figures that others published. They are shown beside what is measured, under a heading of their own. */

/** Accuracy that others published. */
export interface PublishedFigure {
  /** What they measured. */
  system: string
  /** On which set. */
  set: 'lfw' | 'ytf'
  /** Per cent. */
  accuracy: number
  /** Per cent, as printed: standard error of the mean over ten folds. */
  standardError: number
  /** By which protocol, in words. */
  protocol: string
  /** Where it was published. */
  source: string
}

const unrestricted = '10 folds, unrestricted, outside data'
const deepFace = 'Taigman et al., CVPR 2014'
const deepId = 'Sun et al., CVPR 2015'
const faceNet = 'Schroff et al., CVPR 2015'

/** Accuracy on Labeled Faces in the Wild and YouTube Faces as printed in the papers that each row names. */
export const publishedFigures: readonly PublishedFigure[] = [
  {
    system: 'DeepFace',
    set: 'lfw',
    accuracy: 97.35,
    standardError: 0.25,
    protocol: `${unrestricted}, an ensemble`,
    source: deepFace,
  },
  {
    system: 'DeepID2+',
    set: 'lfw',
    accuracy: 99.47,
    standardError: 0.12,
    protocol: `${unrestricted}, an ensemble`,
    source: deepId,
  },
  {
    system: 'FaceNet, centre crop',
    set: 'lfw',
    accuracy: 98.87,
    standardError: 0.15,
    protocol: unrestricted,
    source: faceNet,
  },
  {
    system: 'FaceNet, face detector',
    set: 'lfw',
    accuracy: 99.63,
    standardError: 0.09,
    protocol: unrestricted,
    source: faceNet,
  },
  { system: 'DeepFace', set: 'ytf', accuracy: 91.4, standardError: 1.1, protocol: '10 folds', source: deepFace },
  { system: 'DeepID2+', set: 'ytf', accuracy: 93.2, standardError: 0.2, protocol: '10 folds', source: deepId },
  {
    system: 'FaceNet',
    set: 'ytf',
    accuracy: 95.12,
    standardError: 0.39,
    protocol: '10 folds, first 100 frames',
    source: faceNet,
  },
]

/** VAL in per cent by what was varied, as the paper prints it. */
export interface PublishedVal {
  /** JPEG quality, pixels, dimensions or training images. */
  at: number
  /** Per cent. */
  val: number
}

/** FaceNet at FAR 1e-3 on the paper's own hold-out set. */
export interface PublishedTable {
  /** The network it was measured with. */
  system: string
  /** Where it was published. */
  source: string
  /** In the order of the paper. */
  rows: readonly PublishedVal[]
}

const pairs = (rows: [at: number, val: number][]): PublishedVal[] => rows.map(([at, val]) => ({ at, val }))

/**
 * The tables of the FaceNet paper (Schroff et al., CVPR 2015): VAL by JPEG quality and by pixels (table 4), by
 * dimensions (table 5) and by training images (table 6).
 */
export const publishedRobustness = {
  jpegQuality: {
    system: 'FaceNet NN1',
    source: faceNet,
    rows: pairs([
      [10, 67.3],
      [20, 81.4],
      [30, 83.9],
      [50, 85.5],
      [70, 86.1],
      [90, 86.5],
    ]),
  },
  pixels: {
    system: 'FaceNet NN1',
    source: faceNet,
    rows: pairs([
      [1600, 37.8],
      [6400, 79.5],
      [14_400, 84.5],
      [25_600, 85.7],
      [65_536, 86.4],
    ]),
  },
  dimensions: {
    system: 'FaceNet NN1',
    source: faceNet,
    rows: pairs([
      [64, 86.8],
      [128, 87.9],
      [256, 87.7],
      [512, 85.6],
    ]),
  },
  trainingImages: {
    system: 'FaceNet, 96x96',
    source: faceNet,
    rows: pairs([
      [2_600_000, 76.3],
      [26_000_000, 85.1],
      [52_000_000, 85.1],
      [260_000_000, 86.2],
    ]),
  },
} satisfies Record<string, PublishedTable>
