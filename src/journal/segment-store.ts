import { randomBytes } from 'node:crypto'
import path from 'node:path'
import type { FileSystemPort } from './file-system.ts'
import type { SegmentFile } from './recovery.ts'
import { draftSuffix, encodeHeader, type SegmentHeader, segmentName, segmentSuffix } from './segment.ts'

/** So many bytes must go into a new segment, after a fault, before the disk counts as mended. */
const proofBytes = 256 * 1024
/** Kept aside so that a header can still be written on a disk that is full to its last byte. */
const reserveBytes = 256 * 1024

interface Current {
  readonly file: SegmentFile
  readonly fd: number
  readonly salt: number
  readonly nameCount: number
}

export interface SegmentStoreOptions {
  readonly folder: string
  readonly hub: string
  readonly files: FileSystemPort
  readonly sync: boolean
  readonly segmentBytes: number
  /** A segment that nobody is owed cannot be removed; told once for each, until it can. */
  readonly onStuck: (file: string, error: Error) => void
  /** Those recovery found, oldest first. */
  readonly segments: SegmentFile[]
}

/** What a new segment's header takes from the journal. */
export type HeaderFacts = Pick<SegmentHeader, 'first' | 'names' | 'tallies'>

/**
 * The files of the journal: makes segments, writes to the newest, removes the oldest. One call at a time, `release`
 * apart. It knows nothing of records.
 */
export class SegmentStore {
  readonly #options: SegmentStoreOptions
  readonly #segments: SegmentFile[]
  /** Owed to nobody and on their way out, oldest first. */
  readonly #doomed: SegmentFile[] = []
  #removing: Promise<void> | null = null
  /** The segment whose removal failed last: that it still fails is no news. */
  #stuck: SegmentFile | null = null
  #current: Current | null = null
  #sizeBytes: number
  readonly #reservePath: string
  #hasReserve = false

  constructor(options: SegmentStoreOptions) {
    this.#options = options
    this.#segments = options.segments
    this.#reservePath = path.join(options.folder, 'reserve')
    this.#sizeBytes = options.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** Bytes of all segments on disk. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get count(): number {
    return this.#segments.length
  }

  /** Arrival of the oldest record kept; null when none is. *Unit*: ms since the epoch. */
  get oldestMs(): number | null {
    return this.#segments.find((segment) => segment.firstTimeMs !== null)?.firstTimeMs ?? null
  }

  get salt(): number {
    return this.#current?.salt ?? 0
  }

  /** First position of the newest segment; 0 when there is none. */
  get currentFirst(): number {
    return this.#current?.file.first ?? 0
  }

  /** Bytes of the newest segment that are written, whole and not void. */
  get currentBytes(): number {
    return this.#current?.file.sizeBytes ?? 0
  }

  /** Whether a block must go to a new segment: this one would grow too long, or does not know all names. */
  needsNew(blockBytes: number, nameCount: number): boolean {
    const current = this.#current
    if (current === null || current.nameCount < nameCount) return true
    return current.file.firstTimeMs !== null && current.file.sizeBytes + blockBytes > this.#options.segmentBytes
  }

  /** Whether the newest segment holds records. */
  get currentHoldsRecords(): boolean {
    return this.#current !== null && this.#current.file.firstTimeMs !== null
  }

  /**
   * Makes a new segment and writes to it from now on. It gets its name only when its header is on disk, so a segment
   * found by its name is whole, and one that held no record is replaced in a single step. With `proveRoom` it fails
   * unless the disk takes more than the header.
   */
  async open(facts: HeaderFacts, proveRoom: boolean): Promise<void> {
    const { folder, files, hub, sync } = this.#options
    const before = this.#segments.findLast((segment) => segment.first < facts.first)
    const salt = randomBytes(4).readUInt32LE(0)
    const header = encodeHeader({ hub, ...facts, previous: before?.first ?? null, salt })
    const name = segmentName(facts.first)
    const draft = path.join(folder, name.slice(0, -segmentSuffix.length) + draftSuffix)
    const file: SegmentFile = {
      first: facts.first,
      path: path.join(folder, name),
      sizeBytes: header.length,
      firstTimeMs: null,
    }
    const fd = await files.create(draft, sync)
    try {
      await this.#writeAll(fd, header, header.length, 0)
      if (proveRoom) {
        await this.#writeAll(fd, Buffer.alloc(proofBytes), proofBytes, header.length)
        await files.truncate(fd, header.length)
      }
      await files.rename(draft, file.path)
      await files.syncFolder(folder)
    } catch (error) {
      await files.close(fd)
      throw error
    }
    const old = this.#current
    if (this.#segments.at(-1)?.first === facts.first) this.#sizeBytes -= this.#segments.pop()!.sizeBytes
    this.#segments.push(file)
    this.#sizeBytes += header.length
    this.#current = { file, fd, salt, nameCount: facts.names.length }
    if (old !== null) await files.close(old.fd)
  }

  /** Sleeps until the write under way is back, at most so long. */
  awaitWrite(maxMs: number): void {
    this.#options.files.awaitWrite?.(maxMs)
  }

  /** Appends a sealed block; `done` when it is back from disk. Nothing else may be written meanwhile. */
  write(block: Buffer, sizeBytes: number, firstTimeMs: number, done: (error: Error | null) => void): void {
    const { file, fd } = this.#current!
    this.#writeFrom(fd, block, 0, sizeBytes, file.sizeBytes, (error) => {
      if (error === null) {
        file.sizeBytes += sizeBytes
        file.firstTimeMs ??= firstTimeMs
        this.#sizeBytes += sizeBytes
      }
      done(error)
    })
  }

  #writeFrom(
    fd: number,
    bytes: Buffer,
    from: number,
    sizeBytes: number,
    fileAt: number,
    done: (error: Error | null) => void,
  ): void {
    this.#options.files.write(fd, bytes, from, sizeBytes - from, fileAt + from, (error, written) => {
      if (error !== null) done(error)
      else if (written === 0) done(new Error('the disk took no bytes'))
      else if (from + written < sizeBytes) this.#writeFrom(fd, bytes, from + written, sizeBytes, fileAt, done)
      else done(null)
    })
  }

  #writeAll(fd: number, bytes: Buffer, sizeBytes: number, at: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writeFrom(fd, bytes, 0, sizeBytes, at, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /**
   * Gives up the newest segment after a fault: cuts away what a failed write may have left, and never writes to it
   * again. Where even cutting fails the next segment's first position makes the rest void.
   */
  async abandon(): Promise<void> {
    const current = this.#current
    if (current === null) return
    this.#current = null
    const { files } = this.#options
    await Promise.allSettled([files.truncate(current.fd, current.file.sizeBytes)])
    await Promise.allSettled([files.close(current.fd)])
  }

  /** Removes the segments that hold nothing above `lowWater`, oldest first, never the newest; resolves when they are gone. */
  release(lowWater: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[1]!.first <= lowWater + 1) {
      this.#doomed.push(this.#segments.shift()!)
    }
    this.#removing ??= this.#remove().finally(() => {
      this.#removing = null
    })
    return this.#removing
  }

  /** A removal that fails is tried again with the next release: until then its bytes count. */
  async #remove(): Promise<void> {
    for (let segment = this.#doomed[0]; segment !== undefined; segment = this.#doomed[0]) {
      try {
        await this.#unlink(segment.path)
      } catch (error) {
        if (this.#stuck !== segment) this.#options.onStuck(segment.path, error as Error)
        this.#stuck = segment
        return
      }
      this.#stuck = null
      this.#doomed.shift()
      this.#sizeBytes -= segment.sizeBytes
    }
  }

  /** A file that is gone already is as good as removed. */
  async #unlink(file: string): Promise<void> {
    try {
      await this.#options.files.unlink(file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  /** Sees to it that the reserve is there. */
  async keepReserve(): Promise<void> {
    if (this.#hasReserve) return
    const { files, sync } = this.#options
    const fd = await files.create(this.#reservePath, sync)
    try {
      await this.#writeAll(fd, Buffer.alloc(reserveBytes), reserveBytes, 0)
      this.#hasReserve = true
    } finally {
      await files.close(fd)
    }
  }

  /** Gives the reserve's room back to the disk. */
  async spendReserve(): Promise<void> {
    this.#hasReserve = false
    await this.#unlink(this.#reservePath)
  }

  async close(): Promise<void> {
    await this.#removing
    if (this.#current !== null) await this.#options.files.close(this.#current.fd)
    this.#current = null
  }
}
