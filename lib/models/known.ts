/** What is known of a public model: the columns of table.ts. */
import type { ImportOptions } from '../convert/importers/import_model.js'

/** What a licence lets whoever uses the weights do. */
export interface ModelLicence {
  /** As its short identifier where it has one. */
  readonly name: string
  /** Whether it allows commercial use; null: its text does not settle that. */
  readonly commercial: boolean | null
  /** What else is to be known. */
  readonly note: string | null
}

/** Where a model's weights are. */
export type ModelOrigin =
  /** In the npm package `@facenet-native/models`. */
  | { readonly kind: 'package'; readonly file: 'recogniser' | 'detector' }
  /** At an address of the publisher. */
  | {
      readonly kind: 'address'
      readonly url: string
      /** Of a `.zip`: the name of the file inside. */
      readonly member: string | null
      /** Of the file at the address, where its publisher states it; null: what comes first is trusted, and recorded. */
      readonly sha256: string | null
      readonly bytes: number | null
    }
  /** Behind a page where people have to click: `facenet-native models import` takes the file that was downloaded there. */
  | { readonly kind: 'page' }

/** A threshold, and what it was found with. */
export interface KnownThreshold {
  /** Squared L2 of unit-length embeddings, unless the model's are not. */
  readonly value: number
  /** Who found it, on what, with faces cut out how. */
  readonly protocol: string
}

interface Known {
  readonly name: string
  readonly title: string
  /** Where people read about it. */
  readonly page: string
  readonly origin: ModelOrigin
  readonly licence: ModelLicence
  /** Why this version cannot import the weights; null where it can. */
  readonly obstacle: string | null
}

/** A network that embeds faces. */
export interface KnownRecogniser extends Known {
  readonly kind: 'recogniser'
  readonly dimensions: number
  /** Height and width in pixels. */
  readonly inputSize: readonly [number, number]
  /** Whether the weights' own network ends in unit length; where not, importing by name adds it, but to metric networks. */
  readonly unitLength: boolean
  /** Whether embeddings are compared by angle, so that importing by name gives them unit length. */
  readonly normalize: boolean
  /** How faces are cut out for it. */
  readonly alignment: string
  /** What importing needs beside the weights. */
  readonly rule: Pick<ImportOptions, 'color' | 'mean' | 'scale' | 'size'>
  /** The first is the model's own. */
  readonly thresholds: readonly KnownThreshold[]
}

/** A network that finds faces; its importer knows its input. */
export interface KnownDetector extends Known {
  readonly kind: 'detector'
}

export type KnownModel = KnownRecogniser | KnownDetector
