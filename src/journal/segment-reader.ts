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
  decodeHeader,
  firstOfName,
  type HeaderReading,
  type SegmentHeader,
  segmentName,
} from './segment.ts'

const headerGuessBytes = 16 * 1024
const chunkBytes = 256 * 1024
/** A chunk that one large block made larger than this is not kept. */
const maxKeptBytes = 4 * 1024 * 1024

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

/** Damage met while reading. */
const unreadable = (file: string, offset: number, what: string): TrestleError =>
  new TrestleError('E503', `journal segment ${path.basename(file)} at byte ${offset} ${what}`, {
    detail: { place: `${file}:${offset}`, advice: 'stop the hub and restore the file from a copy', offset },
  })

/**
 * Reads one segment's blocks in order, in chunks, up to a durable position. What it answers is checked and is a copy
 * of its own, so views into it stay as they are.
 */
export class SegmentReader {
  readonly header: SegmentHeader
  readonly #folder: string
  readonly #file: string
  readonly #fd: number
  #at: number
  #next: number
  #chunk = Buffer.allocUnsafeSlow(chunkBytes)

  /** *Errors*: E503; Node's ENOENT when the segment is gone. */
  constructor(folder: string, first: number) {
    this.#folder = folder
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

  /**
   * The next run of whole blocks with positions up to `durable`; null when there is none in this segment. `isHead`
   * says that a later segment may begin below that: then each block is taken only while none begins at its position,
   * which would make this one void.
   */
  read(durable: number, isHead: boolean): Buffer | null {
    if (this.#next > durable) return null
    let got = fs.readSync(this.#fd, this.#chunk, 0, this.#chunk.length, this.#at)
    let end = 0
    while (this.#next <= durable) {
      if (isHead && this.#next !== this.header.first && this.#successorExists()) break
      const size = blockSize(this.#chunk, end, got)
      if (size <= 0 || end + size > got) {
        if (end > 0) break
        if (got === 0) return null
        got = this.#readWhole(size, got)
        continue
      }
      if (!this.#isExpected(end, size, durable)) throw unreadable(this.#file, this.#at + end, 'is damaged')
      this.#next = blockFirst(this.#chunk, end) + blockCount(this.#chunk, end)
      end += size
    }
    if (end === 0) return null
    const run = Buffer.allocUnsafeSlow(end)
    this.#chunk.copy(run, 0, 0, end)
    this.#at += end
    if (this.#chunk.length > maxKeptBytes) this.#chunk = Buffer.allocUnsafeSlow(chunkBytes)
    return run
  }

  /** Makes the chunk hold the whole of a block that is larger than it. */
  #readWhole(size: number, got: number): number {
    if (size <= blockHeaderBytes || size <= got || got < this.#chunk.length) {
      throw unreadable(this.#file, this.#at, 'is damaged')
    }
    this.#chunk = Buffer.allocUnsafeSlow(size)
    const more = fs.readSync(this.#fd, this.#chunk, 0, size, this.#at)
    if (more < size) throw unreadable(this.#file, this.#at, 'ends in the middle of a block')
    return more
  }

  #isExpected(at: number, size: number, durable: number): boolean {
    const count = blockCount(this.#chunk, at)
    return (
      blockFirst(this.#chunk, at) === this.#next &&
      count > 0 &&
      this.#next + count - 1 <= durable &&
      blockIsSound(this.#chunk, at, size, this.header.salt)
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
