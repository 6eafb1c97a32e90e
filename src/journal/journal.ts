import fs from 'node:fs'
import { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import { CommitSpacing } from './commit-spacing.ts'
import { type FileSystemPort, nodeFileSystem } from './file-system.ts'
import { lockFolder } from './folder-lock.ts'
import { GroupCommit } from './group-commit.ts'
import { hubIdentity } from './hub-identity.ts'
import { closing, folderUnusable, overloaded, sizeLimit } from './journal-faults.ts'
import { type JournalEvent, type JournalState, journalStates } from './journal-state.ts'
import type { AppendWaiter, JournalReport, OwedTally } from './port.ts'
import { maxRecordBytes } from './record.ts'
import { type RecoveryReport, recoverFolder } from './recovery.ts'
import { SegmentStore } from './segment-store.ts'
import { createTail, writeOwed } from './tail.ts'
import { type Pair, Tallies } from './tallies.ts'

/*
 * The journal: one append-only log for all that must survive a crash. It promises that what it settled without an error
 * is on disk, whole and in order, and is found again whatever happened to the process; that positions and ordinals
 * count up without a gap; that nothing it could not write is ever shown to a reader. It does not know who reads, or
 * how far: `release` tells it what is owed to nobody any more.
 *
 *   journal.ts        the door: append, release, states   reader.ts           the other end, in any thread
 *   group-commit.ts   one write at a time; faults         segment-reader.ts   blocks of one segment, checked
 *   batch.ts          the next commit, and who waits      record-view.ts      reads what record.ts writes
 *   record.ts         layout of a record, its writing     segment.ts          layout of a segment, header and block
 *   segment-store.ts  the files                           recovery.ts scan.ts what a start finds
 *   tallies.ts        what was ever owed, and names       commit-spacing.ts   when a commit may start
 *   journal-state.ts  writing, failing, full: the table   tail.ts             the cells both threads see
 */

export interface JournalOptions {
  /** The journal's own folder (`data/journal`); `hub.json` lies beside it, in its parent. Made when missing. */
  readonly folder: string
  /** Sinks of the configuration: in the dictionary at once, and in this order in the shared tail. */
  readonly sinks: readonly string[]
  /** Further names (rules) that are to be in the dictionary at once: a name it does not hold costs a new segment. */
  readonly rules?: readonly string[]
  readonly maxBytes: number
  readonly segmentBytes: number
  /** At most so long between two commits' starts while that saves work; 0 never waits. */
  readonly spacingMs: number
  /** `always`: a commit is back when the disk has it. `os`: when the operating system has it. */
  readonly sync: 'always' | 'os'
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number
  readonly files?: FileSystemPort
  readonly onDurable?: (position: number) => void
  /** Records that were appended without a waiter could not be written; by rule they are in `lost`. */
  readonly onLost?: (records: number, error: TrestleError) => void
  /** A file that nobody is owed could not be removed; it is tried again with each release. */
  readonly onStuck?: (file: string, error: Error) => void
  readonly onState?: (state: JournalState, error: TrestleError | null) => void
}

/** More than this is not kept in memory for a disk that does not keep up. */
const maxPendingBytes = 32 * 1024 * 1024
/** Places in the shared tail for sinks that come while the hub runs. */
const spareSlots = 64
/** A journal is at least so many segments when full, so that room comes back in parts. */
const minSegments = 8

export class Journal {
  /** The hub's identity: stable over restarts. */
  readonly hub: string
  /** The cells of tail.ts, for the connector thread. */
  readonly tail: SharedArrayBuffer
  readonly recovery: RecoveryReport
  readonly #options: JournalOptions
  readonly #store: SegmentStore
  readonly #tallies: Tallies
  readonly #commit: GroupCommit
  readonly #spacing: CommitSpacing
  readonly #unlock: () => void
  /** Pairs and options of the record being appended; reused. */
  readonly #pairs: Pair[] = []
  readonly #targetOptions: (Buffer | null)[] = []
  #state: JournalState = 'writing'
  #error: TrestleError | null = null
  #closing = false
  #lowWater = 0
  /** Size of the record that made the journal full. */
  #refusedBytes = 0
  #appended = 0

  /** *Errors*: E501 (folder), E502 (newer version), E503 (damage, with place and advice), E506 (in use). */
  static async open(options: JournalOptions): Promise<Journal> {
    let unlock: (() => void) | null = null
    try {
      fs.mkdirSync(options.folder, { recursive: true })
      unlock = lockFolder(options.folder)
      const journal = new Journal(options, unlock)
      await journal.#commit.freshSegment()
      return journal
    } catch (error) {
      unlock?.()
      await options.files?.end?.()
      throw error instanceof TrestleError ? error : folderUnusable(options.folder, error)
    }
  }

  private constructor(options: JournalOptions, unlock: () => void) {
    this.#options = options
    this.#unlock = unlock
    this.#tallies = new Tallies(options.sinks)
    this.learn(options.rules ?? [])
    const recovered = recoverFolder(options.folder, this.#tallies)
    this.hub = hubIdentity(options.folder, recovered.hub, recovered.hub === null && recovered.next === 1)
    this.recovery = recovered.report
    this.#store = new SegmentStore({
      folder: options.folder,
      hub: this.hub,
      files: options.files ?? nodeFileSystem,
      sync: options.sync === 'always',
      segmentBytes: Math.min(options.segmentBytes, Math.ceil(options.maxBytes / minSegments)),
      onStuck: (file, error) => options.onStuck?.(file, error),
      segments: recovered.segments,
    })
    this.tail = createTail(options.sinks.length + spareSlots)
    for (const { slot, messages, bytes } of this.#tallies.sinks) {
      if (slot >= 0) writeOwed(this.tail, slot, messages, bytes)
    }
    this.#spacing = new CommitSpacing(options.spacingMs)
    this.#commit = new GroupCommit({
      store: this.#store,
      tallies: this.#tallies,
      spacing: this.#spacing,
      tail: this.tail,
      durable: recovered.report.durable,
      clock: options.now ?? (() => performance.now()),
      owesNothing: () => this.#lowWater >= this.durable,
      onCommitted: (position) => {
        options.onDurable?.(position)
        this.#relieve()
      },
      onFault: (error) => this.#turn('fault', error),
      onLost: (records, error) => options.onLost?.(records, error),
      onMended: () => {
        this.#turn('mended', null)
        this.#sweep()
      },
    })
  }

  /** Last position back from disk. */
  get durable(): number {
    return this.#commit.durable
  }

  /** Somebody waits for an append that is not back from disk yet. */
  get isAwaited(): boolean {
    return this.#commit.isAwaited
  }

  /** How far apart commits are to be while that saves work. *Unit*: ms. */
  get spacingMs(): number {
    return this.#options.spacingMs
  }

  /** Whether the caller keeps commits apart himself (see `awaitCommit`), so that each may start at once. */
  get isPaced(): boolean {
    return this.#spacing.isPaced
  }

  set isPaced(paced: boolean) {
    this.#spacing.isPaced = paced
  }

  /** Sleeps until the commit under way is back and who waited for it has been told, at most so long. */
  awaitCommit(maxMs: number): void {
    this.#store.awaitWrite(maxMs)
  }

  /** Why `append` refuses now; null when it takes. */
  get error(): TrestleError | null {
    if (this.#closing) return closing()
    return this.#error ?? (this.#commit.pendingBytes > maxPendingBytes ? overloaded() : null)
  }

  /**
   * Takes one record: its position, or -1 when it refuses (see `error`; the waiter is not told then). Copies all bytes
   * before it returns. Once it has taken a record, the waiter is told exactly once, never before this returns.
   */
  append(
    message: Message,
    owed: readonly Owed[],
    awaited: boolean,
    waiter: AppendWaiter | null,
    token: number,
  ): number {
    const commit = this.#commit
    if (this.#state !== 'writing' || this.#closing || commit.pendingBytes > maxPendingBytes) return -1
    for (let index = 0; index < owed.length; index += 1) {
      const { sink, rule, options } = owed[index]!
      this.#pairs[index] = this.#tallies.pair(sink, rule)
      this.#targetOptions[index] = options === null ? null : Buffer.from(JSON.stringify(options))
    }
    const maxBytes = maxRecordBytes(message, owed, this.#targetOptions)
    if (this.#store.sizeBytes + commit.pendingBytes + maxBytes > this.#options.maxBytes) {
      this.#refusedBytes = maxBytes
      this.#turn('limit', sizeLimit(this.#options.maxBytes))
      this.#sweep()
      this.#relieve()
      return -1
    }
    this.#appended += 1
    return commit.add(message, owed, this.#pairs, this.#targetOptions, maxBytes, awaited, waiter, token)
  }

  /** Puts names in the dictionary before the first record needs them (after a reload). */
  learn(names: readonly string[]): void {
    for (const name of names) this.#tallies.numberOf(name)
  }

  /** A sink that came while the hub runs: in the dictionary, and in the shared tail at the place that is answered; -1: no place is left. */
  addSink(name: string): number {
    this.learn([name])
    const slot = this.#tallies.addSlot(name, this.#options.sinks.length + spareSlots)
    const { messages, bytes } = this.#tallies.sink(name)
    if (slot >= 0) writeOwed(this.tail, slot, messages, bytes)
    return slot
  }

  /** Everything up to and including this position is owed to nobody: whole segments below it are unlinked. */
  release(lowWater: number): void {
    if (lowWater > this.#lowWater) this.#lowWater = lowWater
    this.#sweep()
    this.#relieve()
  }

  /** Durable totals by sink, names no longer configured included. */
  tally(): Record<string, OwedTally> {
    return this.#tallies.snapshot()
  }

  /** Deliveries by rule that were lost since the start and that no waiter was told of. */
  lost(): ReadonlyMap<string, number> {
    return this.#tallies.lost()
  }

  report(): JournalReport {
    return {
      state: this.#state,
      error: this.#error?.message ?? null,
      bytes: this.#store.sizeBytes,
      maxBytes: this.#options.maxBytes,
      segments: this.#store.count,
      oldestMs: this.#lowWater >= this.durable ? null : this.#store.oldestMs,
      durable: this.durable,
      commits: this.#commit.commits,
      appended: this.#appended,
    }
  }

  /** Refuses from now on, writes what it has, waits for the last commit, gives the folder free. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    await this.#commit.close()
    await this.#store.close()
    await this.#options.files?.end?.()
    this.#unlock()
  }

  #turn(event: JournalEvent, error: TrestleError | null): void {
    const before = this.#state
    this.#state = journalStates[before][event]
    // A limit met while failing does not hide the fault.
    if (this.#state !== before || event === 'fault') this.#error = error
    if (this.#state !== before) this.#options.onState?.(this.#state, error)
  }

  /** Removes what nobody is owed; a journal that was full takes again when that made room. */
  #sweep(): void {
    this.#store.release(this.#lowWater).then(() => {
      if (this.#state === 'full' && this.#hasRoom()) this.#turn('room', null)
    })
  }

  /** Room for what was refused last; for a giant that can hardly ever fit, room for others must do. */
  #hasRoom(): boolean {
    const { maxBytes } = this.#options
    return (
      this.#store.sizeBytes + this.#commit.pendingBytes + Math.min(this.#refusedBytes, maxBytes / minSegments) <=
      maxBytes
    )
  }

  /** When it is full and even the newest segment is owed to nobody, a fresh one lets that go too. */
  #relieve(): void {
    if (this.#state !== 'full' || !this.#commit.isIdle || this.#closing) return
    if (this.#lowWater < this.durable || !this.#store.currentHoldsRecords) return
    this.#commit.freshSegment().then(
      () => this.#sweep(),
      (error: Error) => this.#commit.fail(error),
    )
  }
}
