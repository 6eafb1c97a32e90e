import { deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'

/** The compressions of Pulsar by the names users write. */
export type CompressionName = 'none' | 'lz4' | 'zlib' | 'zstd' | 'snappy'

/** Their numbers in MessageMetadata. *Source*: PulsarApi.proto, CompressionType. */
export const compressionNumbers: Readonly<Record<CompressionName, number>> = {
  none: 0,
  lz4: 1,
  zlib: 2,
  zstd: 3,
  snappy: 4,
}

/** No sane payload is larger; a size above it is taken for damage. */
export const maxUncompressedBytes = 256 * 1024 * 1024

interface Codec {
  compress(bytes: Uint8Array): Uint8Array
  decompress(bytes: Uint8Array, sizeBytes: number): Uint8Array
}

const codecs: readonly Codec[] = [
  { compress: (bytes) => bytes, decompress: (bytes) => bytes },
  { compress: compressLz4, decompress: decompressLz4 },
  {
    compress: (bytes) => deflateSync(bytes),
    // zlib refuses a limit of 0.
    decompress: (bytes, sizeBytes) => inflateSync(bytes, { maxOutputLength: Math.max(1, sizeBytes) }),
  },
  {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, sizeBytes) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, sizeBytes) }),
  },
  { compress: compressSnappy, decompress: decompressSnappy },
]

export const compress = (number: number, bytes: Uint8Array): Uint8Array => codecOf(number).compress(bytes)

/** *Errors*: whatever the codec threw, or a RangeError, for bytes that are not `sizeBytes` bytes compressed in that way. */
export function decompress(number: number, bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (number === 0) return bytes
  if (sizeBytes > maxUncompressedBytes) throw new RangeError(`${sizeBytes} bytes are more than a message can have`)
  const out = codecOf(number).decompress(bytes, sizeBytes)
  if (out.length !== sizeBytes) throw new RangeError(`${out.length} bytes instead of ${sizeBytes}`)
  return out
}

function codecOf(number: number): Codec {
  const codec = codecs[number]
  if (codec === undefined) throw new RangeError(`compression ${number} is not known`)
  return codec
}
