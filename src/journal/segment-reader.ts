import fs from 'node:fs'
import path from 'node:path'
import { TrestleError } from '../contract/error.ts'
import type { OwedTally } from './port.ts'
import {
  blockCount,
  blockFirst,
  blockHeaderBytes,
  blockIsSound,
  blockSize,
  damagedSuffix,
  decodeHeader,
  firstOfName,
  type HeaderReading,
  type SegmentHeader,
  segmentName,
} from './segment.ts'

const headerGuessBytes = 16 * 1024
const slabBytes = 256 * 1024
/** What is left of a slab is not worth a read of its own below this. */
const minReadBytes = 32 * 1024

/**
 * Where runs are read to, one behind the other. What was given out is never written again, so that views into it stay
 * as they are; a slab that is used up is left to those views.
 */
export class Slab {
  bytes = Buffer.alloc(0)
  /** Offset behind what was given out. */
  at = 0

  /** Makes room for a read of up to `wantedBytes`, at `at`; answers how much there is. */
  reserve(wantedBytes: number): number {
    if (this.bytes.length - this.at < Math.min(wantedBytes, minReadBytes)) this.#renew(slabBytes)
    return Math.min(wantedBytes, this.bytes.length - this.at)
  }

  /** Makes room for a block that is larger than what `reserve` gives. */
  reserveWhole(sizeBytes: number): void {
    if (this.bytes.length - this.at < sizeBytes) this.#renew(Math.max(sizeBytes, slabBytes))
  }

  /** Gives out the next `sizeBytes`. */
  take(sizeBytes: number): Buffer {
    const run = this.bytes.subarray(this.at, this.at + sizeBytes)
    this.at += sizeBytes
    return run
  }

  #renew(sizeBytes: number): void {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.at = 0
  }
}

/** First positions of the segments in a folder, in order. */
export const listFirsts = (folder: string): number[] =>
  fs
    .readdirSync(folder)
    .map(firstOfName)
    .filter((first) => first !== null)
    .sort((a, b) => a - b)

/** The header of an open file. */
export function readHeader(fd: number): HeaderReading {
  for (let wanted = headerGuessBytes; ; ) {
    const bytes = Buffer.allocUnsafe(wanted)
    const got = fs.readSync(fd, bytes, 0, wanted, 0)
    const reading = decodeHeader(bytes.subarray(0, got))
    if (reading.kind !== 'short') return reading
    if (got < wanted) return { kind: 'torn' }
    wanted = reading.sizeBytes
  }
}

/** What was owed before a segment. *Errors*: E503. */
export function readTallies(folder: string, first: number): Readonly<Record<string, OwedTally>> {
  const file = path.join(folder, segmentName(first))
  const fd = fs.openSync(file, 'r')
  try {
    const reading = readHeader(fd)
    if (reading.kind !== 'whole') throw unreadable(file, 0, 'has a header that cannot be read')
    return reading.header.tallies
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * What was owed to a sink before the oldest segment there is. Nothing when a damaged one was set aside: what it held may
 * not have been delivered. *Errors*: E503.
 */
export function owedBefore(folder: string, sink: string): OwedTally {
  const nothing = { messages: 0, bytes: 0, byRule: {} }
  const [oldest] = listFirsts(folder)
  if (oldest === undefined || fs.readdirSync(folder).some((name) => name.endsWith(damagedSuffix))) return nothing
  const tallies = readTallies(folder, oldest)
  return Object.hasOwn(tallies, sink) ? tallies[sink]! : nothing
}

/** Damage met while reading. */
const unreadable = (file: string, offset: number, what: string): TrestleError =>
  new TrestleError('E503', `journal segment ${path.basename(file)} at byte ${offset} ${what}`, {
    detail: { place: `${file}:${offset}`, advice: 'stop the hub and restore the file from a copy', offset },
  })

/**
 * Reads one segment's blocks in order, in runs, up to a durable position. What it answers is checked and never written
 * again, so views into it stay as they are.
 */
export class SegmentReader {
  readonly header: SegmentHeader
  readonly #folder: string
  readonly #file: string
  readonly #fd: number
  readonly #slab: Slab
  /** Offset in the file. */
  #at: number
  #next: number

  /** *Errors*: E503; Node's ENOENT when the segment is gone. */
  constructor(folder: string, first: number, slab: Slab) {
    this.#folder = folder
    this.#slab = slab
    this.#file = path.join(folder, segmentName(first))
    this.#fd = fs.openSync(this.#file, 'r')
    const reading = readHeader(this.#fd)
    if (reading.kind !== 'whole') {
      fs.closeSync(this.#fd)
      throw unreadable(this.#file, 0, 'has a header that cannot be read')
    }
    this.header = reading.header
    this.#at = reading.sizeBytes
    this.#next = first
  }

  /** Position of the record that comes next. */
  get next(): number {
    return this.#next
  }

  /** Passes over what lies before the byte at `at`, where the record at `next` begins or will begin. */
  jump(at: number, next: number): void {
    this.#at = at
    this.#next = next
  }

  /** The next run of whole blocks of a segment in which the durable ones end at `endBytes`; null when there is none. */
  readUpTo(durable: number, endBytes: number): Buffer | null {
    if (this.#next > durable) return null
    const run = endBytes > this.#at ? this.#read(durable, endBytes - this.#at, false) : null
    if (run === null) throw unreadable(this.#file, this.#at, 'ends before what was written to it')
    return run
  }

  /**
   * The next run of whole blocks with positions up to `durable`; null when there is none in this segment. `isHead`
   * says that a later segment may begin below that: then each block is taken only while none begins at its position,
   * which would make this one void.
   */
  read(durable: number, isHead: boolean): Buffer | null {
    return this.#next > durable ? null : this.#read(durable, Number.POSITIVE_INFINITY, isHead)
  }

  #read(durable: number, leftBytes: number, isHead: boolean): Buffer | null {
    const slab = this.#slab
    const room = slab.reserve(leftBytes)
    let got = fs.readSync(this.#fd, slab.bytes, slab.at, room, this.#at)
    let end = 0
    while (this.#next <= durable) {
      if (isHead && this.#next !== this.header.first && this.#successorExists()) break
      const size = blockSize(slab.bytes, slab.at + end, slab.at + got)
      if (size <= 0 || end + size > got) {
        if (end > 0) break
        if (got === 0) return null
        if (got < room || size > leftBytes) throw unreadable(this.#file, this.#at, 'is damaged')
        got = this.#readWhole(size, got)
        continue
      }
      if (!this.#isExpected(slab.at + end, size, durable)) throw unreadable(this.#file, this.#at + end, 'is damaged')
      this.#next = blockFirst(slab.bytes, slab.at + end) + blockCount(slab.bytes, slab.at + end)
      end += size
    }
    if (end === 0) return null
    this.#at += end
    return slab.take(end)
  }

  /** Makes the slab hold the whole of a block that is larger than what was read. */
  #readWhole(size: number, got: number): number {
    const slab = this.#slab
    if (size <= blockHeaderBytes || size <= got) throw unreadable(this.#file, this.#at, 'is damaged')
    slab.reserveWhole(size)
    const more = fs.readSync(this.#fd, slab.bytes, slab.at, size, this.#at)
    if (more < size) throw unreadable(this.#file, this.#at, 'ends in the middle of a block')
    return more
  }

  #isExpected(at: number, size: number, durable: number): boolean {
    const { bytes } = this.#slab
    const count = blockCount(bytes, at)
    return (
      blockFirst(bytes, at) === this.#next &&
      count > 0 &&
      this.#next + count - 1 <= durable &&
      blockIsSound(bytes, at, size, this.header.salt)
    )
  }

  /** Whether another file has this one's name now. */
  isReplaced(): boolean {
    const named = fs.statSync(this.#file, { throwIfNoEntry: false })
    return named !== undefined && named.ino !== fs.fstatSync(this.#fd).ino
  }

  #successorExists(): boolean {
    return fs.existsSync(path.join(this.#folder, segmentName(this.#next)))
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}
