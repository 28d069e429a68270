/**
 * How likely it is that two faces are of one person, by their distance: a logistic curve per model and way of cutting faces out,
 * `1 / (1 + exp(slope x (distance - middle)))`, as `bench/calibration.ts` fits them to pairs of Labeled Faces in the Wild, half of which
 * are of one person. Other photographs, and other shares of pairs of one person, have other probabilities.
 */
import type { Preparation } from '../embeddings/preparation.js'

/** Faces cut out in one way, and what was fitted to their distances. */
interface Cut extends Pick<Preparation, 'align' | 'detector'> {
  /** The squared distance at which both are as likely. */
  middle: number
  slope: number
}

interface Curve extends Cut {
  /** For people; weights are known by their fingerprint. */
  model: string
  fingerprint: string
  template: string
}

const of = (model: string, fingerprint: string, template: string, cuts: readonly Cut[]): Curve[] =>
  cuts.map((cut) => ({ model, fingerprint, template, ...cut }))

/** `dlib` is the default model, with weights of 8 bits. */
export const curves: readonly Curve[] = [
  ...of('dlib', '95f2202ebfe60dbdc4c2527caea066f30422231f13f63596ab64074f5a99cf73', 'dlib', [
    { align: 'detect', detector: 'face-api', middle: 0.3839, slope: 36.21 },
    { align: 'points', middle: 0.3855, slope: 34.35 },
  ]),
  ...of('mobilefacenet_192', 'cfb3fcaac559afc2ecc029398a2425a0b858f8c0f5fa0e0fd16677c7cd096892', 'arcface112', [
    { align: 'detect', detector: 'face-api', middle: 1.2169, slope: 11.5 },
    { align: 'points', middle: 1.2202, slope: 11.06 },
  ]),
]

/** The pairs show no more: 1,100 of each kind. */
const [least, most] = [0.001, 0.999]

/** How likely it is that two faces are of one person, and by what. */
export interface Probability {
  same: number
  protocol: string
}

/** Undefined where nobody measured this model with faces cut out so. `distance` is squared. */
export function probabilitySame(
  distance: number,
  { fingerprint, preparation }: { fingerprint: string; preparation: Preparation },
): Probability | undefined {
  const curve = curves.find(
    (each) =>
      each.fingerprint === fingerprint &&
      each.align === preparation.align &&
      each.template === preparation.template &&
      each.detector === preparation.detector &&
      !preparation.flip,
  )
  if (!curve) return undefined
  const same = 1 / (1 + Math.exp(curve.slope * (distance - curve.middle)))
  return { same: Math.min(most, Math.max(least, same)), protocol: 'LFW, equal priors' }
}
