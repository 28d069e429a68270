/**
 * What the pages of a Parquet file say of themselves, held against the file before anything is unpacked: the reader believes it, and a
 * page of a damaged file may say that it has billions of values.
 */
import type { AsyncBuffer, FileMetaData, PageHeader } from 'hyparquet'

type RowGroup = FileMetaData['row_groups'][number]

/** Bytes of a page that is unpacked; writers make them of about one megabyte. */
const mostPageBytes = 2 ** 28

/**
 * Of the columns that are read, single values all.
 *
 * @throws Error where a page does not lie in its column, or has more values than the row group has rows.
 */
export async function checkPages(file: AsyncBuffer, group: RowGroup, columns: readonly string[]): Promise<void> {
  // Loaded here because it is an ES module, which the CommonJS build of this package cannot require.
  const { parquetHeader } = await import('hyparquet/src/column.js')
  for (const { meta_data } of group.columns) {
    if (!meta_data || !columns.includes(meta_data.path_in_schema.join('.'))) continue
    const start = Number(meta_data.dictionary_page_offset || meta_data.data_page_offset)
    const end = start + Number(meta_data.total_compressed_size)
    if (!(start >= 0 && end >= start && end <= file.byteLength)) throw new Error('a column lies outside of the file')
    walk(parquetHeader, await file.slice(start, end), Number(group.num_rows))
  }
}

type HeaderReader = (reader: { view: DataView; offset: number }) => PageHeader

function walk(parquetHeader: HeaderReader, bytes: ArrayBuffer, rows: number): void {
  const reader = { view: new DataView(bytes), offset: 0 }
  // As the reader counts: a last byte is no page.
  while (reader.offset < bytes.byteLength - 1) {
    const before = reader.offset
    const { data_page_header, data_page_header_v2, dictionary_page_header, ...header } = parquetHeader(reader)
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header
    const inside = (size: number, most: number) => Number.isSafeInteger(size) && size >= 0 && size <= most
    const counts = [
      data_page_header?.num_values,
      data_page_header_v2?.num_values,
      data_page_header_v2?.num_rows,
      dictionary_page_header?.num_values,
    ].filter((count) => count !== undefined)
    if (!inside(packed, bytes.byteLength - reader.offset) || !inside(unpacked, mostPageBytes)) {
      throw new Error(`a page of ${unpacked} bytes, packed ${packed}`)
    }
    const { definition_levels_byte_length: defined = 0, repetition_levels_byte_length: repeated = 0 } =
      data_page_header_v2 ?? {}
    if (!inside(defined, packed) || !inside(repeated, packed - defined)) throw new Error('levels outside of their page')
    if (counts.length === 0 || !counts.every((count) => inside(count, rows))) {
      throw new Error(`a page with ${counts.join(', ') || 'no'} values where the row group has ${rows} rows`)
    }
    reader.offset += packed
    if (reader.offset <= before) throw new Error('a page without bytes')
  }
}
