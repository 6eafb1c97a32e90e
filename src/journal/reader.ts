import { TrestleError } from '../contract/error.ts'
import type { JournalRecord, OwedTally, OwedTotal } from './port.ts'
import { RecordView } from './record-view.ts'
import { blockCount, blockFirst, blockHeaderBytes } from './segment.ts'
import { listFirsts, readTallies, SegmentReader, Slab } from './segment-reader.ts'
import type { Head } from './tail.ts'

export interface JournalReaderOptions {
  /** The journal's own folder, as in JournalOptions. */
  readonly folder: string
  readonly sink: string
  /** Everything up to and including this position is skipped; 0 starts at the oldest record there is. */
  readonly after: number
  /** The last durable position (`() => readTail(shared)`). */
  readonly tail: () => number
  /** Where that is (`() => readHead(shared)`); without it the folder is looked at. */
  readonly head?: () => Head
  /** What was ever owed to the sink (`() => readOwed(shared, place).messages`): what owes it nothing is then not read. */
  readonly owed?: () => number
}

/** With so much to read, listing the folder once is cheaper than looking for a successor at each block. */
const manyPositions = 16

/**
 * One sink's way through the journal, in any thread: it reads the segment files themselves, never beyond what is
 * durable, and checks every block it reads. Segments that owe its sink nothing are passed over unread.
 */
export class JournalReader {
  /** Deliveries owed to this sink up to where reading starts. */
  readonly startOrdinal: number
  readonly #options: JournalReaderOptions
  #segment: SegmentReader | null = null
  /** Number of the sink in the segment's dictionary; -1 when the segment does not know it. */
  #sink = -1
  #owesNothing = false
  /** Known segments above the one being read, oldest first. */
  #later: number[] = []
  /** Where what is durable ends, as far as it was told. */
  #head: Head
  readonly #slab = new Slab()
  #run: Buffer = Buffer.alloc(0)
  #view = new RecordView(this.#run)
  /** Offset of the next record in the run, and how many its block still holds. */
  #at = 0
  #left = 0
  #position: number
  #lastOrdinal = 0
  #lastBytes = 0

  /** Starts at `after`, or just below the oldest record, or at the tail when `after` lies beyond it. *Errors*: E503. */
  constructor(options: JournalReaderOptions) {
    this.#options = options
    this.#head = this.#lookAhead()
    const tail = this.#head.durable
    const after = Math.min(options.after, tail)
    this.#position = this.#openAt(after) - 1
    // What is at or below `after` was read before; it is only counted. Advancing alone may pass it, with a whole segment.
    while (this.#position < after && this.#advance(tail) && this.#position < after) this.#skip()
    this.#position = Math.max(this.#position, after)
    this.startOrdinal = this.#lastOrdinal
  }

  /** Everything up to here has been read or skipped. */
  get position(): number {
    return this.#position
  }

  /** Ordinal of the last delivery read; `startOrdinal` before the first. */
  get lastOrdinal(): number {
    return this.#lastOrdinal
  }

  /**
   * The next records that are owed to the sink, in order, until about `maxCount` records or `maxBytes` bytes; `[]` when
   * it has caught up with the tail. `owed` holds only this sink's entries. Payloads are views into the chunk read,
   * which is never written again. *Errors*: E503.
   */
  read(maxCount: number, maxBytes: number): JournalRecord[] {
    const records: JournalRecord[] = []
    this.#head = this.#lookAhead()
    const { durable } = this.#head
    if (this.#position < durable && this.#isOwedNothingMore()) this.#jump()
    let bytes = 0
    while (records.length < maxCount && bytes < maxBytes && this.#advance(durable)) {
      const start = this.#at
      if (this.#skip()) {
        records.push(this.#view.record(start, this.#position, this.#segment!.header.names, this.#sink))
        bytes += this.#view.sizeAt(start)
      }
    }
    return records
  }

  /** What was owed to this sink and is not read yet, given what was ever owed to it (`readOwed`). */
  unread(total: OwedTotal): OwedTotal {
    return { messages: total.messages - this.#lastOrdinal, bytes: total.bytes - this.#lastBytes }
  }

  close(): void {
    this.#segment?.close()
    this.#segment = null
  }

  #lookAhead(): Head {
    const { head, tail } = this.#options
    return head === undefined ? { durable: tail(), first: 0, endBytes: 0 } : head()
  }

  /** Asked after the head was: what it counts is at least what was owed up to there. */
  #isOwedNothingMore(): boolean {
    const { owed } = this.#options
    return this.#head.first !== 0 && owed !== undefined && owed() === this.#lastOrdinal
  }

  /** Goes to the end of what is durable without reading what lies between: none of it is for this sink. */
  #jump(): void {
    const { durable, first, endBytes } = this.#head
    const ordinal = this.#lastOrdinal
    const bytes = this.#lastBytes
    this.#later = []
    if (this.#segment?.header.first !== first || this.#isReplaced(this.#segment)) this.#open(first)
    this.#lastOrdinal = ordinal
    this.#lastBytes = bytes
    this.#leaveRun()
    this.#segment!.jump(endBytes, durable + 1)
    this.#position = durable
  }

  /** A segment that held nothing is replaced after a fault; its successor has the same name. */
  #isReplaced(segment: SegmentReader): boolean {
    return segment.next === segment.header.first && segment.isReplaced()
  }

  #leaveRun(): void {
    this.#run = nothingRead
    this.#at = 0
    this.#left = 0
  }

  /** Opens the segment that holds what follows `after`, or the oldest; answers its first position. */
  #openAt(after: number): number {
    for (let tries = 0; ; tries += 1) {
      const firsts = listFirsts(this.#options.folder)
      const start = Math.max(
        0,
        firsts.findLastIndex((first) => first <= after + 1),
      )
      const first = firsts[start]
      if (first === undefined) return after + 1
      this.#later = firsts.slice(start + 1)
      try {
        this.#open(first)
        return first
      } catch (error) {
        // The writer may remove the oldest between the listing and the opening.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 3) throw error
      }
    }
  }

  /** Passes the record at `#at`, counts what it owes the sink, and says whether it owes it anything. */
  #skip(): boolean {
    const view = this.#view
    const start = this.#at
    const count = view.owedCountAt(start)
    let isOwed = false
    for (let index = 0; index < count; index += 1) {
      if (view.sinkAt(start, index) !== this.#sink) continue
      isOwed = true
      const ordinal = view.ordinalAt(start, index)
      if (ordinal !== this.#lastOrdinal + 1) throw this.#gap(ordinal)
      this.#lastOrdinal = ordinal
      this.#lastBytes += view.payloadBytesAt(start, index)
    }
    this.#at += view.sizeAt(start)
    this.#left -= 1
    this.#position += 1
    return isOwed
  }

  /** Makes `#at` stand on the record behind `#position`; false when nothing durable is left to read. */
  #advance(durable: number): boolean {
    while (this.#left === 0) {
      if (this.#position >= durable) return false
      if (this.#at < this.#run.length) this.#enterBlock()
      else if (!this.#nextRun(durable)) return false
    }
    return true
  }

  #enterBlock(): void {
    this.#left = blockCount(this.#run, this.#at)
    this.#position = blockFirst(this.#run, this.#at) - 1
    this.#at += blockHeaderBytes
  }

  /** Reads on, in this segment or the next; false when the tail is reached. */
  #nextRun(durable: number): boolean {
    for (;;) {
      const run = this.#readRun(durable)
      if (run !== null) {
        this.#run = run
        this.#view = new RecordView(run)
        this.#at = 0
        return true
      }
      const { first } = this.#head
      if (this.#later.length === 0 && (first === 0 || this.#segment?.header.first !== first)) this.#findLater()
      const next = this.#later[0]
      if (next === undefined || next > durable) {
        if (this.#owesNothing) this.#position = durable
        return false
      }
      this.#later.shift()
      this.#follow(next)
      this.#position = next - 1
    }
  }

  #readRun(durable: number): Buffer | null {
    const segment = this.#segment
    if (segment === null) return null
    if (this.#isReplaced(segment)) {
      this.#open(segment.header.first)
      return this.#readRun(durable)
    }
    if (this.#owesNothing) return null
    const { first, endBytes } = this.#head
    if (segment.header.first === first) return segment.readUpTo(durable, endBytes)
    const isHead = this.#later.length === 0
    if (isHead && first === 0 && durable - segment.next < manyPositions) return segment.read(durable, true)
    // Listed after `durable` was read: what is durable lies in no segment but these.
    if (isHead) this.#findLater()
    return segment.read(Math.min(durable, (this.#later[0] ?? Number.POSITIVE_INFINITY) - 1), false)
  }

  /** Goes on in the next segment, whose header must say that nothing was missed. */
  #follow(next: number): void {
    const before = this.#segment?.header.first ?? null
    const read = this.#lastOrdinal
    this.#open(next)
    // Where an operator set a damaged segment aside, the chain of segments shows it, and reading goes on behind it.
    if (this.#segment!.header.previous === before && this.#lastOrdinal !== read) {
      const ordinal = this.#lastOrdinal + 1
      this.#lastOrdinal = read
      throw this.#gap(ordinal)
    }
  }

  #findLater(): void {
    const from = this.#segment === null ? this.#position : this.#segment.header.first
    this.#later = listFirsts(this.#options.folder).filter((first) => first > from)
  }

  #open(first: number): void {
    const opened = new SegmentReader(this.#options.folder, first, this.#slab)
    this.#segment?.close()
    this.#segment = opened
    const { names, tallies } = this.#segment.header
    const { folder, sink } = this.#options
    this.#sink = names.indexOf(sink)
    this.#lastOrdinal = owedTo(sink, tallies).messages
    this.#lastBytes = owedTo(sink, tallies).bytes
    const later = this.#later[0]
    this.#owesNothing =
      this.#sink === -1 ||
      (later !== undefined && owedTo(sink, readTallies(folder, later)).messages === this.#lastOrdinal)
    this.#leaveRun()
  }

  #gap(ordinal: number): TrestleError {
    const { sink } = this.#options
    return new TrestleError('E503', `delivery ${this.#lastOrdinal + 1} to ${sink} is missing: ${ordinal} follows`, {
      detail: { place: `position ${this.#position + 1}`, advice: 'stop the hub and restore the journal from a copy' },
    })
  }
}

const nothingRead = Buffer.alloc(0)
const nothing: OwedTotal = { messages: 0, bytes: 0 }

const owedTo = (sink: string, tallies: Readonly<Record<string, OwedTally>>): OwedTotal =>
  Object.hasOwn(tallies, sink) ? tallies[sink]! : nothing
