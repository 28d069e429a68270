/**
 * Well-known public models by name. What stands here was read where `page` leads; what is not known there is null, and said to be unknown:
 * nothing is guessed. Weights are fetched from whom they are published by, never from a copy.
 */
import type { KnownModel, ModelLicence } from './known.js'

const insightface = 'https://github.com/deepinsight/insightface/releases/download/v0.7'
const opencvZoo = 'https://github.com/opencv/opencv_zoo/raw/966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models'
const facenetPytorch = 'https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9'

const address = (url: string, more: { member?: string; sha256?: string; bytes?: number } = {}) =>
  ({
    kind: 'address',
    url,
    member: more.member ?? null,
    sha256: more.sha256 ?? null,
    bytes: more.bytes ?? null,
  }) as const

const insightfaceLicence: ModelLicence = {
  name: 'InsightFace models: non-commercial research only',
  commercial: false,
  note: 'The code is MIT, the weights are not. InsightFace sells a commercial licence.',
}

const arcface = { alignment: 'arcface112', inputSize: [112, 112], normalize: true } as const
const byHalf = { mean: 127.5, scale: 1 / 127.5 } as const

/** facenet and its successors: boxes of MTCNN with a margin of 32 pixels, (pixel - 127.5) / 128. */
const facenet = {
  kind: 'recogniser',
  page: 'https://github.com/timesler/facenet-pytorch',
  dimensions: 512,
  inputSize: [160, 160],
  unitLength: true,
  normalize: true,
  alignment: 'margin:32',
  rule: { size: [160, 160], color: 'rgb', mean: 127.5, scale: 1 / 128 },
  thresholds: [],
} as const

export const knownModels: readonly KnownModel[] = [
  {
    name: 'dlib',
    kind: 'recogniser',
    title: "dlib's face recognition network, rounded to 8 bits",
    page: 'https://github.com/davisking/dlib-models',
    origin: { kind: 'package', file: 'recogniser' },
    licence: { name: 'MIT (face-api), CC0-1.0 (dlib)', commercial: true, note: null },
    obstacle: null,
    dimensions: 128,
    inputSize: [150, 150],
    unitLength: false,
    // Trained with distances, not angles: the lengths are part of what was learnt.
    normalize: false,
    alignment: 'dlib',
    rule: {},
    thresholds: [
      { value: 0.36, protocol: "stated by dlib: a Euclidean distance of 0.6, with dlib's alignment" },
      { value: 0.4, protocol: 'measured: LFW View 2, given points, weights not rounded (98.85 ± 0.10 %)' },
      { value: 0.397, protocol: 'measured: LFW View 2, faces found by YuNet, weights not rounded (98.95 ± 0.08 %)' },
    ],
  },
  {
    name: 'face-api',
    kind: 'detector',
    title: 'tiny_face_detector and face_landmark_68 of face-api.js',
    page: 'https://github.com/vladmandic/face-api',
    origin: { kind: 'package', file: 'detector' },
    licence: { name: 'MIT', commercial: true, note: null },
    obstacle: null,
  },
  {
    name: 'yunet',
    kind: 'detector',
    title: 'YuNet 2023mar of the OpenCV Zoo',
    page: 'https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet',
    origin: address(`${opencvZoo}/face_detection_yunet/face_detection_yunet_2023mar.onnx`, {
      sha256: '8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4',
      bytes: 232589,
    }),
    licence: { name: 'MIT', commercial: true, note: null },
    obstacle: null,
  },
  {
    name: 'sface',
    kind: 'recogniser',
    title: 'SFace 2021dec of the OpenCV Zoo',
    page: 'https://github.com/opencv/opencv_zoo/tree/main/models/face_recognition_sface',
    origin: address(`${opencvZoo}/face_recognition_sface/face_recognition_sface_2021dec.onnx`, {
      sha256: '0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79',
      bytes: 38696353,
    }),
    licence: { name: 'Apache-2.0', commercial: true, note: null },
    obstacle: null,
    dimensions: 128,
    unitLength: false,
    ...arcface,
    // As OpenCV feeds it: the file subtracts and scales by itself.
    rule: { color: 'rgb', mean: 0, scale: 1 },
    thresholds: [{ value: 1.274, protocol: 'stated by OpenCV: a cosine of 0.363, faces found by YuNet' }],
  },
  {
    name: 'buffalo_l',
    kind: 'recogniser',
    title: 'ResNet50@WebFace600K of the InsightFace pack buffalo_l',
    page: 'https://github.com/deepinsight/insightface/tree/master/python-package',
    origin: address(`${insightface}/buffalo_l.zip`, { member: 'w600k_r50.onnx' }),
    licence: insightfaceLicence,
    obstacle: null,
    dimensions: 512,
    unitLength: false,
    ...arcface,
    rule: { color: 'rgb', ...byHalf },
    thresholds: [],
  },
  {
    name: 'buffalo_s',
    kind: 'recogniser',
    title: 'MobileFaceNet@WebFace600K of the InsightFace packs buffalo_s and buffalo_sc',
    page: 'https://github.com/deepinsight/insightface/tree/master/python-package',
    // buffalo_sc is buffalo_s without what is neither detection nor recognition.
    origin: address(`${insightface}/buffalo_sc.zip`, { member: 'w600k_mbf.onnx' }),
    licence: insightfaceLicence,
    obstacle: null,
    dimensions: 512,
    unitLength: false,
    ...arcface,
    rule: { color: 'rgb', ...byHalf },
    thresholds: [],
  },
  {
    name: 'scrfd_10g',
    kind: 'detector',
    title: 'SCRFD-10GF of the InsightFace pack buffalo_l',
    page: 'https://github.com/deepinsight/insightface/tree/master/python-package',
    origin: address(`${insightface}/buffalo_l.zip`, { member: 'det_10g.onnx' }),
    licence: insightfaceLicence,
    obstacle: null,
  },
  {
    name: 'scrfd_500m',
    kind: 'detector',
    title: 'SCRFD-500MF of the InsightFace packs buffalo_s and buffalo_sc',
    page: 'https://github.com/deepinsight/insightface/tree/master/python-package',
    origin: address(`${insightface}/buffalo_sc.zip`, { member: 'det_500m.onnx' }),
    licence: insightfaceLicence,
    obstacle: null,
  },
  {
    name: 'vggface2',
    title: 'Inception-ResNet-v1 trained on VGGFace2, of facenet-pytorch (20180402-114759)',
    origin: address(`${facenetPytorch}/20180402-114759-vggface2.pt`),
    licence: {
      name: 'MIT',
      commercial: null,
      note: 'The repository is MIT. VGGFace2 was given out for research; whether that binds the weights is not settled there.',
    },
    obstacle: null,
    ...facenet,
  },
  {
    name: 'casia-webface',
    title: 'Inception-ResNet-v1 trained on CASIA-WebFace, of facenet-pytorch (20180408-102900)',
    origin: address(`${facenetPytorch}/20180408-102900-casia-webface.pt`),
    licence: {
      name: 'MIT',
      commercial: null,
      note: 'The repository is MIT. CASIA-WebFace was given out for research; whether that binds the weights is not settled there.',
    },
    obstacle: null,
    ...facenet,
  },
  {
    name: 'adaface',
    kind: 'recogniser',
    title: 'AdaFace, a ResNet whose margin adapts to image quality',
    page: 'https://github.com/mk-minchul/AdaFace#pretrained-models',
    origin: { kind: 'page' },
    licence: { name: 'unknown', commercial: null, note: 'Read what the page says of licence and training data.' },
    obstacle:
      'its .ckpt file holds no graph: import a .onnx file that was exported of it, with `models import adaface`',
    dimensions: 512,
    unitLength: true,
    ...arcface,
    // Unlike InsightFace's, its channels are blue, green, red.
    rule: { color: 'bgr', ...byHalf },
    thresholds: [],
  },
  {
    name: 'ghostfacenet',
    kind: 'recogniser',
    title: 'GhostFaceNetV1-1.3-1 (ArcFace)',
    page: 'https://github.com/HamadYA/GhostFaceNets/releases/tag/v1.2',
    origin: { kind: 'page' },
    licence: {
      name: 'MIT',
      commercial: null,
      note: 'Trained on MS1MV2 or MS1MV3, whose terms the repository does not settle.',
    },
    obstacle:
      'of .h5 files only those of Inception-ResNet-v1 are read: import a .onnx file that was made of it, with `models import ghostfacenet`',
    dimensions: 512,
    unitLength: false,
    ...arcface,
    rule: { color: 'rgb', mean: 127.5, scale: 0.0078125 },
    thresholds: [],
  },
  {
    name: 'edgeface',
    kind: 'recogniser',
    title: 'EdgeFace-XS (gamma 0.6)',
    page: 'https://github.com/otroshi/edgeface',
    origin: address(
      'https://gitlab.idiap.ch/bob/bob.paper.tbiom2023_edgeface/-/raw/master/checkpoints/edgeface_xs_gamma_06.pt',
    ),
    licence: { name: 'CC-BY-NC-SA-4.0', commercial: false, note: 'The code is BSD-3-Clause, the weights are not.' },
    obstacle: null,
    dimensions: 512,
    unitLength: false,
    ...arcface,
    rule: { color: 'rgb', ...byHalf },
    thresholds: [],
  },
  {
    name: 'mobilefacenet',
    kind: 'recogniser',
    title: 'MobileFaceNet of sirius-ai in TensorFlow',
    page: 'https://github.com/sirius-ai/MobileFaceNet_TF',
    origin: { kind: 'page' },
    licence: { name: 'unknown', commercial: null, note: 'Read what the page says of licence and training data.' },
    obstacle:
      'no importer reads TensorFlow checkpoints: import a .onnx file that was made of it, with `models import mobilefacenet`',
    dimensions: 192,
    unitLength: true,
    ...arcface,
    rule: { color: 'rgb', mean: 127.5, scale: 0.0078125 },
    thresholds: [
      { value: 1.223, protocol: 'measured: LFW View 2, given points, 192 floats (99.08 ± 0.17 %)' },
      { value: 1.242, protocol: 'measured: LFW View 2, faces found by YuNet, 192 floats (99.22 ± 0.15 %)' },
      { value: 1.174, protocol: 'measured: LFW View 2, centre crop of 0.68, 192 floats (91.47 ± 0.48 %)' },
    ],
  },
]
