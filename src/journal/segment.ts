import { crc32 } from 'node:zlib'
import type { OwedTally } from './port.ts'

/**
 * The layout of a segment file, `<first position, 16 digits>.trestle`. All numbers are little-endian.
 *
 * ```
 * segment   header block*
 *
 * header    0  8  magic "TRESTLEJ"
 *           8  4  version
 *          12  4  length of the JSON
 *          16  4  crc32 of bytes 8…15 and the JSON
 *          20  …  JSON: SegmentHeader
 *
 * block     0  4  magic 0x31424354 ("TCB1")             one block is one commit
 *           4  4  crc32 of bytes 8… to the block's end, seeded with the header's salt
 *           8  4  length of the records
 *          12  4  count of the records
 *          16  8  position of the first record (float64)
 *          24  …  records, see record.ts; their positions count up by one
 * ```
 *
 * The salt is random: a payload that carries the bytes of a journal is never taken for a block of this one. Whatever a
 * segment holds at or above the first position of its successor is void (a failed write that landed in part).
 */
export const segmentVersion = 1
export const blockMagic = 0x31424354
/** The magic as it stands in the file. */
export const blockMagicBytes = Buffer.from('TCB1', 'latin1')
export const blockHeaderBytes = 24
const headerMagic = Buffer.from('TRESTLEJ', 'latin1')
const headerBytes = 20
const maxHeaderBytes = 64 * 1024 * 1024

export interface SegmentHeader {
  readonly hub: string
  /** Position of the first record. */
  readonly first: number
  /** First position of the segment before this one; null for the very first. A missing file is found by it. */
  readonly previous: number | null
  readonly salt: number
  /** The dictionary of this segment: sink and rule names; records hold their numbers. */
  readonly names: readonly string[]
  /** What was ever owed before this segment's first record. */
  readonly tallies: Readonly<Record<string, OwedTally>>
}

export type HeaderReading =
  | { readonly kind: 'whole'; readonly header: SegmentHeader; readonly sizeBytes: number }
  /** More bytes are needed: so many in all. */
  | { readonly kind: 'short'; readonly sizeBytes: number }
  | { readonly kind: 'torn' }
  | { readonly kind: 'newer'; readonly version: number }

export const segmentSuffix = '.trestle'
/** What an operator's renaming adds to a segment that is set aside. */
export const damagedSuffix = `${segmentSuffix}.damaged`
/** A segment in the making: it gets its name when its header is on disk. */
export const draftSuffix = `${segmentSuffix}.new`

export const segmentName = (first: number): string => `${String(first).padStart(16, '0')}${segmentSuffix}`

/** The first position a file name states; null when it is not the name of a segment. */
export function firstOfName(name: string): number | null {
  const match = /^(\d{16})\.trestle$/.exec(name)
  return match === null ? null : Number(match[1])
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const bytes = Buffer.alloc(headerBytes + json.length)
  headerMagic.copy(bytes, 0)
  bytes.writeUInt32LE(segmentVersion, 8)
  bytes.writeUInt32LE(json.length, 12)
  json.copy(bytes, headerBytes)
  bytes.writeUInt32LE(headerCheck(bytes, json.length), 16)
  return bytes
}

const headerCheck = (bytes: Buffer, length: number): number =>
  crc32(bytes.subarray(headerBytes, headerBytes + length), crc32(bytes.subarray(8, 16)))

/** Reads a header from the start of a file. The version is judged first: a newer one may look different beyond it. */
export function decodeHeader(bytes: Buffer): HeaderReading {
  if (bytes.length < headerBytes) return { kind: 'short', sizeBytes: headerBytes }
  if (!bytes.subarray(0, 8).equals(headerMagic)) return { kind: 'torn' }
  const version = bytes.readUInt32LE(8)
  const length = bytes.readUInt32LE(12)
  if (version > segmentVersion) return { kind: 'newer', version }
  if (version === 0 || length > maxHeaderBytes) return { kind: 'torn' }
  const sizeBytes = headerBytes + length
  if (bytes.length < sizeBytes) return { kind: 'short', sizeBytes }
  if (bytes.readUInt32LE(16) !== headerCheck(bytes, length)) return { kind: 'torn' }
  const json = bytes.toString('utf8', headerBytes, sizeBytes)
  return { kind: 'whole', header: JSON.parse(json) as SegmentHeader, sizeBytes }
}

/** Completes the block whose records stand at 24…`end`: writes its header in front of them. */
export function sealBlock(bytes: Buffer, end: number, count: number, first: number, salt: number): void {
  bytes.writeUInt32LE(blockMagic, 0)
  bytes.writeUInt32LE(end - blockHeaderBytes, 8)
  bytes.writeUInt32LE(count, 12)
  bytes.writeDoubleLE(first, 16)
  bytes.writeUInt32LE(crc32(bytes.subarray(8, end), salt), 4)
}

/**
 * Size of the block at `at` with its header: positive when its magic is right (it may reach beyond `end`), 0 when
 * fewer than a block's header are there before `end`, -1 when no block begins here.
 */
export function blockSize(bytes: Buffer, at: number, end: number): number {
  if (end - at < blockHeaderBytes) return 0
  if (bytes.readUInt32LE(at) !== blockMagic) return -1
  return blockHeaderBytes + bytes.readUInt32LE(at + 8)
}

export const blockFirst = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + 16)

export const blockCount = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 12)

/** Whether the block of `size` bytes at `at`, all there, is as it was written. */
export const blockIsSound = (bytes: Buffer, at: number, size: number, salt: number): boolean =>
  bytes.readUInt32LE(at + 4) === crc32(bytes.subarray(at + 8, at + size), salt)
