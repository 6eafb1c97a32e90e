import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { TrestleError } from '../contract/error.ts'
import { deadLetterSink, type OwedTally } from '../journal/port.ts'

/** How deliveries of one rule ended, in numbers. */
export interface FateCounts {
  delivered: number
  deadLettered: number
  dropped: number
  expired: number
}

export type Fate = keyof FateCounts

/** What is known of one sink's deliveries: enough to go on after a restart and to balance the ledger. */
export interface CursorState {
  /** Identity of the hub whose journal this cursor is over. */
  hub: string
  sink: string
  /** Every record up to here owes this sink nothing more. */
  position: number
  /** Ordinals of this sink up to `position`. */
  ordinal: number
  /** Ordinals above that are settled too: first and last of each run, ascending. */
  ranges: [first: number, last: number][]
  /** Deliveries ever settled, those in `ranges` included. */
  settled: number
  /** Their payload bytes. */
  settledBytes: number
  byRule: Record<string, FateCounts>
  /** Of those that were dropped, how many for which reason; older cursors have none. */
  drops?: Record<string, number>
}

/** Why a delivery was dropped. */
export type DropReason = 'drop-oldest' | 'removed'

export const freshCursor = (hub: string, sink: string): CursorState => ({
  hub,
  sink,
  position: 0,
  ordinal: 0,
  ranges: [],
  settled: 0,
  settledBytes: 0,
  byRule: {},
})

/**
 * A cursor for a sink that lost its own. Segments go only when all in them is settled, so what was owed before the oldest
 * one is; that it was delivered is the best that can still be said.
 */
export const cursorAfter = (hub: string, sink: string, gone: OwedTally): CursorState => ({
  ...freshCursor(hub, sink),
  settled: gone.messages,
  settledBytes: gone.bytes,
  byRule: Object.fromEntries(
    Object.entries(gone.byRule).map(([rule, count]) => [
      rule,
      {
        delivered: 0,
        deadLettered: 0,
        dropped: 0,
        expired: 0,
        [sink === deadLetterSink ? 'deadLettered' : 'delivered']: count,
      },
    ]),
  ),
})

const magic = 0x54525343
const formatVersion = 1
const headBytes = 24
/** The file is sparse: a slot takes only what is written into it. */
const slotBytes = 16 * 1024 * 1024
const sync = promisify(fdatasync)

/**
 * The cursor of one sink on disk.
 *
 * *Shape*: two slots 16 MiB apart in a sparse file. A slot: magic, format version, sequence (u64), body length, CRC-32 of sequence,
 * length and body (u32 each, big endian), then the body, JSON of CursorState. The valid slot with the higher sequence counts.
 * A write goes to the slot that was not synced last, so that one whole state is always safe, whatever tears the other.
 */
export class CursorFile {
  readonly path: string
  readonly #fd: number
  #sequence = 0
  /** The slot that is known to be on disk; never written to until the other one is. */
  #safeSlot: 0 | 1 = 1
  #syncing: Promise<void> | null = null
  #closed = false
  /** What the file held when it was opened; null when there was nothing. */
  readonly found: CursorState | null

  /** *Errors*: E501 (cannot be opened), E502 (a newer version), E503 (both slots are damaged). */
  constructor(path: string) {
    this.path = path
    try {
      this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    } catch (thrown) {
      throw new TrestleError('E501', `cursor ${path} cannot be opened: ${(thrown as Error).message}`, { cause: thrown })
    }
    try {
      this.found = this.#recover()
    } catch (thrown) {
      closeSync(this.#fd)
      throw thrown
    }
  }

  /** Writes without waiting for the disk. False while a sync is under way: the caller comes back later. */
  write(state: CursorState): boolean {
    if (this.#syncing !== null || this.#closed) return false
    const bytes = encodeSlot(this.#sequence + 1, state)
    if (bytes.length > slotBytes) throw new TrestleError('E504', `cursor ${this.path} has outgrown its slot`)
    const slot = 1 - this.#safeSlot
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at, slot * slotBytes + at)
    this.#sequence++
    return true
  }

  /** Resolves when what was written last is on disk. *Errors*: the file system's own. */
  async sync(): Promise<void> {
    if (this.#closed) return
    if (this.#syncing !== null) return this.#syncing
    this.#syncing = sync(this.#fd)
    try {
      await this.#syncing
      this.#safeSlot = this.#safeSlot === 0 ? 1 : 0
    } finally {
      this.#syncing = null
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#syncing
    } finally {
      closeSync(this.#fd)
    }
  }

  #recover(): CursorState | null {
    if (fstatSync(this.#fd).size === 0) {
      syncFolder(dirname(this.path))
      return null
    }
    // What a killed process wrote may still be in the page cache only; the slot we take must be safe before the other is written.
    fdatasyncSync(this.#fd)
    const slots = [readSlot(this.#fd, 0), readSlot(this.#fd, 1)] as const
    const [first, second] = slots
    if (first === null && second === null)
      throw new TrestleError('E503', `cursor ${this.path} is damaged`, {
        detail: {
          place: this.path,
          advice: 'remove the file: what the journal still holds for this sink is sent again',
        },
      })
    this.#safeSlot = (first?.sequence ?? -1) > (second?.sequence ?? -1) ? 0 : 1
    const best = slots[this.#safeSlot]!
    this.#sequence = best.sequence
    return best.state
  }
}

/** A new file's name is on disk only when its folder is. */
const syncFolder = (folder: string): void => {
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const encodeSlot = (sequence: number, state: CursorState): Buffer => {
  const body = Buffer.from(JSON.stringify(state))
  const bytes = Buffer.allocUnsafe(headBytes + body.length)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeUInt32BE(formatVersion, 4)
  bytes.writeBigUInt64BE(BigInt(sequence), 8)
  bytes.writeUInt32BE(body.length, 16)
  body.copy(bytes, headBytes)
  bytes.writeUInt32BE(slotSum(bytes), 20)
  return bytes
}

const readSlot = (fd: number, slot: number): { sequence: number; state: CursorState } | null => {
  const head = Buffer.alloc(headBytes)
  if (readSync(fd, head, 0, headBytes, slot * slotBytes) < headBytes || head.readUInt32BE(0) !== magic) return null
  const version = head.readUInt32BE(4)
  if (version > formatVersion)
    throw new TrestleError('E502', `cursor was written by a newer version (format ${version})`)
  const length = head.readUInt32BE(16)
  if (length > slotBytes - headBytes) return null
  const bytes = Buffer.alloc(headBytes + length)
  if (readSync(fd, bytes, 0, bytes.length, slot * slotBytes) < bytes.length) return null
  if (slotSum(bytes) !== bytes.readUInt32BE(20)) return null
  return { sequence: Number(bytes.readBigUInt64BE(8)), state: JSON.parse(bytes.toString('utf8', headBytes)) }
}

/** Over everything but itself and the magic. */
const slotSum = (bytes: Buffer): number => crc32(bytes.subarray(headBytes), crc32(bytes.subarray(4, 20)))
