import type { JournalRecord, OwedRecord } from '../journal/port.ts'
import { type AwaitedRecord, Held, OwedDelivery } from './held.ts'
import { SettledRanges } from './settled-ranges.ts'

/** What the outbox needs of the journal's reader: records owed to one sink, in order. */
export interface OwedReader {
  /** `[]` when caught up. `owed` holds this sink's entries only. */
  read(maxCount: number, maxBytes: number): JournalRecord[]
  /** Everything up to here has been read or skipped. */
  readonly position: number
  /** Ordinals of this sink up to where the reader began. */
  readonly startOrdinal: number
  close(): void
}

/** One call reads at most so much, so that no turn of the loop is long. */
const maxReadCount = 512
const maxReadBytes = 1024 * 1024

/**
 * What has been read from the journal and is not settled, in ordinal order, and the count of what came by. Bounded:
 * it stops reading above `maxCount` deliveries or `maxBytes` of payload.
 */
export class Window {
  /** Deliveries held. */
  count = 0
  bytes = 0
  /** The oldest that is not settled. */
  oldest: Held | null = null
  /** The first that was never claimed; all after it were not either. */
  fresh: Held | null = null
  freshCount = 0
  freshBytes = 0
  /** The highest ordinal that came by. */
  lastOrdinal: number
  readonly ahead: SettledRanges
  #newest: Held | null = null
  readonly #reader: OwedReader
  readonly #hubPrefix: string
  readonly #maxCount: number
  readonly #maxBytes: number
  /** Above this ordinal nothing was settled before it was read. */
  #gapsUpTo: number
  readonly #kept: ReadonlySet<string>
  readonly #onKept: (owed: OwedRecord) => void
  readonly #onSettledRecord: (position: number, kept: boolean) => void

  constructor(
    reader: OwedReader,
    options: {
      hub: string
      ranges: readonly [number, number][]
      maxCount: number
      maxBytes: number
      /** Ids (`<position>-<index>`) that are dead letters already, though the cursor did not know. */
      kept: ReadonlySet<string>
      onKept: (owed: OwedRecord) => void
      /** An awaited record of which nothing is left to do came by again; true when it was not all delivered. */
      onSettledRecord: (position: number, kept: boolean) => void
    },
  ) {
    this.#reader = reader
    this.#hubPrefix = `${options.hub}-`
    this.#maxCount = options.maxCount
    this.#maxBytes = options.maxBytes
    this.#kept = options.kept
    this.#onKept = options.onKept
    this.#onSettledRecord = options.onSettledRecord
    this.lastOrdinal = reader.startOrdinal
    this.ahead = new SettledRanges(options.ranges)
    this.#gapsUpTo = this.ahead.highest
  }

  get full(): boolean {
    return this.count >= this.#maxCount || this.bytes >= this.#maxBytes
  }

  /** Every record up to here owes nothing more. */
  get position(): number {
    return this.oldest === null ? this.#reader.position : this.oldest.delivery.position - 1
  }

  /** Ordinals up to `position`. */
  get ordinal(): number {
    return this.oldest === null ? this.lastOrdinal : this.oldest.before
  }

  /** Runs of ordinals above `ordinal` that are not held: settled, as far as they were read or known before. */
  settledRanges(): [first: number, last: number][] {
    const ranges: [number, number][] = []
    let expected = this.ordinal + 1
    let fresh = false
    for (let held = this.oldest; held !== null; held = held.next) {
      if (held.ordinal > expected) ranges.push([expected, held.ordinal - 1])
      expected = held.ordinal + 1
      fresh ||= held === this.fresh
      // What was never claimed lies without a gap, except for what was settled before.
      if (fresh && held.ordinal > this.#gapsUpTo) return ranges
    }
    if (this.lastOrdinal >= expected) ranges.push([expected, this.lastOrdinal])
    if (this.ahead.left > 0) ranges.push(...this.ahead.above(this.lastOrdinal))
    return ranges
  }

  /** Reads on, once. False when there is nothing more or no room. */
  read(wantCount: number): boolean {
    if (this.full) return false
    const room = Math.min(maxReadCount, this.#maxCount - this.count, Math.max(1, wantCount))
    const records = this.#reader.read(room, maxReadBytes)
    for (const record of records) this.#admit(record)
    return records.length > 0
  }

  /** Moves the mark between claimed and fresh past its first. */
  passFresh(): void {
    const held = this.fresh!
    this.fresh = held.next
    this.freshCount--
    this.freshBytes -= held.bytes
  }

  /** Takes a settled delivery out. */
  remove(held: Held): void {
    if (held.previous === null) this.oldest = held.next
    else held.previous.next = held.next
    if (held.next === null) this.#newest = held.previous
    else held.next.previous = held.previous
    held.previous = null
    held.next = null
    this.count--
    this.bytes -= held.bytes
  }

  close(): void {
    this.#reader.close()
  }

  #admit(record: JournalRecord): void {
    const { message, owed, position } = record
    const before = owed.length === 0 ? this.lastOrdinal : owed[0]!.ordinal - 1
    const awaited: AwaitedRecord | null = record.awaited ? { position, left: 0, error: null } : null
    let kept = false
    for (const one of owed) {
      if (one.ordinal > this.lastOrdinal) this.lastOrdinal = one.ordinal
      if (this.ahead.left > 0 && this.ahead.meet(one.ordinal)) continue
      if (this.#kept.size > 0 && this.#kept.has(`${position}-${one.index}`)) {
        kept = true
        this.#gapsUpTo = Math.max(this.#gapsUpTo, one.ordinal)
        this.#onKept(one)
        continue
      }
      if (awaited !== null) awaited.left++
      this.#append(new Held(new OwedDelivery(this.#hubPrefix, position, message, one), one.ordinal, before, awaited))
    }
    if (awaited !== null && awaited.left === 0) this.#onSettledRecord(position, kept)
  }

  #append(held: Held): void {
    held.previous = this.#newest
    if (this.#newest === null) this.oldest = held
    else this.#newest.next = held
    this.#newest = held
    this.fresh ??= held
    this.freshCount++
    this.freshBytes += held.bytes
    this.count++
    this.bytes += held.bytes
  }
}
