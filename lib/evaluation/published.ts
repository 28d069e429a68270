/** Figures that others published. They are shown beside what is measured, under a heading of their own. */

export interface PublishedFigure {
  system: string
  set: 'lfw' | 'ytf'
  /** Per cent. */
  accuracy: number
  /** Per cent, as printed: standard error of the mean over ten folds. */
  standardError: number
  protocol: string
  source: string
}

const unrestricted = '10 folds, unrestricted, outside data'
const deepFace = 'Taigman et al., CVPR 2014'
const deepId = 'Sun et al., CVPR 2015'
const faceNet = 'Schroff et al., CVPR 2015'

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
