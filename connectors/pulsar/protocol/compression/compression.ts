import { constants, deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'

/** No sane payload is larger; a size above it is taken for damage. */
export const maxUncompressedBytes = 256 * 1024 * 1024

interface Codec {
  compress(bytes: Uint8Array): Uint8Array
  decompress(bytes: Uint8Array, sizeBytes: number): Uint8Array
}

/** By their numbers in MessageMetadata: see `compressionTypes` in wire/entry.ts. */
const codecs: readonly Codec[] = [
  { compress: (bytes) => bytes, decompress: (bytes) => bytes },
  { compress: compressLz4, decompress: decompressLz4 },
  {
    compress: (bytes) => deflateSync(bytes),
    // The Java client flushes its stream and never ends it. zlib refuses a limit of 0.
    decompress: (bytes, sizeBytes) =>
      inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(1, sizeBytes) }),
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
