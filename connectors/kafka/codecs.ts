import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'

/** A way to compress the records of a batch. */
export interface Codec {
  /** Bits 0 to 2 of a record batch's attributes. */
  readonly bits: number
  /** null: the records go as they are. Never blocks the thread for long: gzip and zstd run on the thread pool. */
  readonly compress: ((records: Buffer) => Promise<Buffer> | Buffer) | null
}

const gzipped = promisify(gzip)
const zstandard = promisify(zstdCompress)

export const codecs: Readonly<Record<'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd', Codec>> = {
  none: { bits: 0, compress: null },
  gzip: { bits: 1, compress: (records) => gzipped(records, { level: 1 }) },
  snappy: { bits: 2, compress: (records) => compressionsAlgorithms.snappy.compressSync(records) },
  lz4: { bits: 3, compress: (records) => compressionsAlgorithms.lz4.compressSync(records) },
  zstd: { bits: 4, compress: (records) => zstandard(records) },
}
