import { promisify } from 'node:util'
import { gunzip, gunzipSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { compressionsAlgorithms, crc32c } from '@platformatic/kafka'
import { TrestleError } from 'trestle/contract'
import type { AbortedTransaction } from './fetch.ts'

/*
 * Record batch, magic 2: drawn in ../record-batch.ts. What a reader needs beyond it, in the attributes (offset 21):
 *   bits 0–2 codec, bit 3 the broker's time (the largest timestamp counts for all), bit 4 transactional,
 *   bit 5 control: one record whose key is version INT16, type INT16 (0 abort, 1 commit)
 */
const headerBytes = 61
const framedBytes = 12
/** What one batch may unpack to: nothing a producer can make within a broker's limits is near it. */
const maxUnpackedBytes = 256 * 1024 * 1024
/** Unpacked on the thread pool from this size on, so that the thread is never held for long. */
const offThreadBytes = 64 * 1024

/** One batch as it came, only its header read. */
export interface RawBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  /** Nothing in it is for a reader: a control batch, or of a transaction that was aborted. */
  readonly skipped: boolean
}

export interface Scan {
  readonly batches: RawBatch[]
  /** Where to read on; where the scan began when no batch is whole. */
  readonly nextOffset: number
  /** Why it ended before the end: E606, what follows is no record batch of magic 2. */
  readonly fault: TrestleError | null
}

/** Finds the batches in what a fetch brought. What ends before `from` is left out, and a last one that is cut off. */
export function scanBatches(records: Buffer, from: number, aborted: readonly AbortedTransaction[]): Scan {
  const batches: RawBatch[] = []
  const open = new AbortedProducers(aborted)
  let nextOffset = from
  for (let at = 0; at + framedBytes <= records.length; ) {
    const size = framedBytes + records.readInt32BE(at + 8)
    const fault = faultOf(records, at, size)
    if (fault !== null) return { batches, nextOffset, fault: corrupt(fault) }
    if (at + size > records.length) break
    const bytes = records.subarray(at, at + size)
    at += size
    const baseOffset = int64(bytes, 0)
    const lastOffset = baseOffset + bytes.readInt32BE(23)
    const skipped = open.skips(bytes, lastOffset)
    if (lastOffset < nextOffset) continue
    batches.push({ bytes, baseOffset, lastOffset, skipped })
    nextOffset = lastOffset + 1
  }
  return { batches, nextOffset, fault: null }
}

function faultOf(records: Buffer, at: number, size: number): string | null {
  const there = records.length - at
  if (there > 16 && records[at + 16] !== 2) return `record batches of format ${records[at + 16]} instead of 2`
  if (size < headerBytes) return `a record batch of ${size} bytes`
  if (there > 27 && records.readInt32BE(at + 23) < 0) return 'a record batch that ends before it begins'
  return null
}

/** Which producers are within a transaction that was aborted, while batches are looked at in their order. */
class AbortedProducers {
  readonly #waiting: AbortedTransaction[]
  readonly #open = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#waiting = [...aborted].sort((one, other) => one.firstOffset - other.firstOffset)
  }

  skips(bytes: Buffer, lastOffset: number): boolean {
    while (this.#waiting.length > 0 && this.#waiting[0]!.firstOffset <= lastOffset) {
      this.#open.add(this.#waiting.shift()!.producerId)
    }
    const attributes = bytes.readInt16BE(21)
    if ((attributes & 0x20) !== 0) {
      if (this.#open.size > 0 && isAbort(bytes)) this.#open.delete(int64(bytes, 43))
      return true
    }
    return (attributes & 0x10) !== 0 && this.#open.size > 0 && this.#open.has(int64(bytes, 43))
  }
}

/** The control record: length, attributes, timestamp delta, offset delta, key length (all one byte here), key. */
const isAbort = (bytes: Buffer): boolean => bytes.length >= 70 && bytes.readInt16BE(68) === 0

/**
 * The records of a batch, checked and unpacked; a promise where unpacking takes long.
 *
 * *Errors*: E606, the checksum does not fit or the codec cannot read them.
 */
export function recordsOf({ bytes, baseOffset }: RawBatch): Buffer | Promise<Buffer> {
  if (crc32c(bytes.subarray(21)) !== bytes.readUInt32BE(17)) throw corrupt(`the checksum of the batch at ${baseOffset}`)
  const codec = bytes.readInt16BE(21) & 7
  const packed = bytes.subarray(headerBytes)
  if (codec === 0) return packed
  const unpack = unpackers[codec]
  if (unpack === undefined) throw corrupt(`a record batch at ${baseOffset} with the unknown codec ${codec}`)
  try {
    const unpacked = unpack(packed)
    return unpacked instanceof Promise ? unpacked.catch((thrown: unknown) => notUnpacked(baseOffset, thrown)) : unpacked
  } catch (thrown) {
    return notUnpacked(baseOffset, thrown)
  }
}

const limits = { maxOutputLength: maxUnpackedBytes }
const gunzipped = promisify(gunzip)
const zstandard = promisify(zstdDecompress)

const unpackers: Readonly<Record<number, (packed: Buffer) => Buffer | Promise<Buffer>>> = {
  1: (packed) => (packed.length < offThreadBytes ? gunzipSync(packed, limits) : gunzipped(packed, limits)),
  2: (packed) => compressionsAlgorithms.snappy.decompressSync(packed),
  3: (packed) => compressionsAlgorithms.lz4.decompressSync(packed),
  4: (packed) => (packed.length < offThreadBytes ? zstdDecompressSync(packed, limits) : zstandard(packed, limits)),
}

function notUnpacked(baseOffset: number, thrown: unknown): never {
  throw corrupt(`the compressed records at ${baseOffset}: ${(thrown as Error).message}`, thrown)
}

/** A batch that cannot be read. */
export const corrupt = (what: string, cause?: unknown): TrestleError =>
  new TrestleError('E606', `cannot read ${what}`, {
    retry: 'later',
    detail: { advice: 'set on_corrupt: skip to go on behind it' },
    cause,
  })

/** *Shape*: exact up to 2^53, which no offset reaches. */
export const int64 = (bytes: Buffer, at: number): number =>
  bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4)
