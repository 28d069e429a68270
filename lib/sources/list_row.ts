/** A row of a list of images. */

/** What a table says of an image beside its path, by the names of its columns. */
export type ImageMetadata = Readonly<Record<string, unknown>>

export interface ListRow {
  /** As written; undefined where there is none. */
  path: string | undefined
  /** Where it stands, as `list.csv:12`. */
  place: string
  metadata?: ImageMetadata
  /** Why the path cannot be used. */
  problem?: string
}
