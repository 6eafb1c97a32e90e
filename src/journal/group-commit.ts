import type { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import { Batch } from './batch.ts'
import type { CommitSpacing } from './commit-spacing.ts'
import { writeFailed } from './journal-faults.ts'
import type { AppendWaiter } from './port.ts'
import type { SegmentStore } from './segment-store.ts'
import { writeHead } from './tail.ts'
import type { Pair, Tallies } from './tallies.ts'

/** A batch this large is written before more is gathered. */
const maxCommitBytes = 1024 * 1024
const mendEveryMs = 500
const maxIdleBatches = 3

export interface GroupCommitOptions {
  readonly store: SegmentStore
  readonly tallies: Tallies
  readonly spacing: CommitSpacing
  readonly tail: SharedArrayBuffer
  /** Last durable position found at the start. */
  readonly durable: number
  /** Milliseconds on a clock that never goes back. */
  readonly clock: () => number
  /** Whether nothing durable is owed to anyone any more. */
  readonly owesNothing: () => boolean
  /** After the waiters of a commit were told. */
  readonly onCommitted: (position: number) => void
  /** Before the waiters of what is lost are told; nothing may be added until `onMended`. */
  readonly onFault: (error: TrestleError) => void
  /** Records are gone that nobody waited for: only this tells of them. */
  readonly onLost: (records: number, error: TrestleError) => void
  readonly onMended: () => void
}

/**
 * Group commit: what arrives while one write is under way is the next one. Gathers records in batches, writes one at a
 * time, tells who waits. After a fault it drops what is not durable and goes on with a fresh segment once the disk
 * takes one; the same file is never written or synced again.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #pumpNow = (): void => {
    this.#scheduled = false
    this.#pump()
  }
  readonly #pumpLater = (): void => {
    this.#timer = null
    this.#pump()
  }
  readonly #idle: Batch[] = []
  #gathering = new Batch()
  /** Sealed and waiting, oldest first; `#flying` is being written. */
  #queue: Batch[] = []
  #flying: Batch | null = null
  /** Bytes of `#queue` and `#flying`. */
  #queuedBytes = 0
  /** A write, or the making of a segment, is under way. */
  #busy = false
  #scheduled = false
  #timer: NodeJS.Timeout | null = null
  #closed: (() => void) | null = null
  #next: number
  #durable: number
  #commits = 0

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#durable = options.durable
    this.#next = options.durable + 1
    writeHead(options.tail, { durable: options.durable, first: 0, endBytes: 0 })
  }

  get durable(): number {
    return this.#durable
  }

  get commits(): number {
    return this.#commits
  }

  /** Bytes taken and not yet durable. */
  get pendingBytes(): number {
    return this.#queuedBytes + this.#gathering.sizeBytes
  }

  /** Somebody waits for what is being written or gathered. */
  get isAwaited(): boolean {
    return this.#gathering.waiting > 0 || (this.#flying !== null && this.#flying.waiting > 0)
  }

  /** Nothing is being written, made or waiting. */
  get isIdle(): boolean {
    return !this.#busy && this.#queue.length === 0 && this.#gathering.count === 0
  }

  /** Takes a record of at most `maxBytes`; answers its position. */
  add(
    message: Message,
    owed: readonly Owed[],
    pairs: readonly Pair[],
    options: readonly (Buffer | null)[],
    maxBytes: number,
    awaited: boolean,
    waiter: AppendWaiter | null,
    token: number,
  ): number {
    const batch = this.#gathering
    const isFirstToWait = waiter !== null && batch.waiting === 0
    if (batch.count === 0) batch.first = this.#next
    batch.add(message, owed, pairs, options, maxBytes, awaited, waiter, token)
    const position = this.#next
    this.#next += 1
    if (batch.sizeBytes >= maxCommitBytes) this.#seal()
    if (this.#timer === null || isFirstToWait || this.#queue.length > 0) this.#schedule()
    return position
  }

  /** Makes the first segment, or an early next one while idle. */
  async freshSegment(): Promise<void> {
    this.#busy = true
    await this.#openSegment(false)
    await this.#options.store.keepReserve()
    this.#busy = false
    this.#pump()
  }

  /** Writes all it has; resolves when it is durable or lost. Nothing may be added any more. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = resolve
      if (this.#timer !== null) clearTimeout(this.#timer)
      this.#timer = null
      this.#pump()
    })
  }

  /** One commit for all that this turn of the loop brings. */
  #schedule(): void {
    if (this.#scheduled || this.#busy) return
    this.#scheduled = true
    setImmediate(this.#pumpNow)
  }

  #seal(): void {
    this.#queuedBytes += this.#gathering.sizeBytes
    this.#queue.push(this.#gathering)
    this.#gathering = this.#idle.pop() ?? new Batch()
  }

  /** Starts the next commit when one may start. */
  #pump(): void {
    if (this.#busy) return
    if (this.#isDrained()) {
      this.#closed?.()
      return
    }
    if (this.#queue.length === 0) {
      const { spacing, clock } = this.#options
      const wait = this.#closed === null ? spacing.waitMs(clock(), this.#gathering.waiting) : 0
      if (wait > 0) {
        this.#timer ??= setTimeout(this.#pumpLater, wait)
        return
      }
      this.#seal()
    }
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#commit(this.#queue.shift()!)
  }

  #isDrained(): boolean {
    return this.#queue.length === 0 && this.#gathering.count === 0
  }

  #commit(batch: Batch): void {
    const { store, tallies, spacing, clock } = this.#options
    this.#busy = true
    this.#flying = batch
    spacing.started(clock(), batch.count)
    if (!store.needsNew(batch.sizeBytes, tallies.names.length)) this.#write(batch)
    else {
      this.#openSegment(false).then(
        () => this.#write(batch),
        (error: Error) => this.fail(error),
      )
    }
  }

  #write(batch: Batch): void {
    const { store } = this.#options
    batch.seal(store.salt)
    store.write(batch.bytes, batch.sizeBytes, batch.firstTimeMs, (error) => {
      if (error === null) this.#committed(batch)
      else this.fail(error)
    })
  }

  /** The next write starts before anyone is told, so that the disk does not wait for the tellings. */
  #committed(batch: Batch): void {
    const { store, tallies, tail, onCommitted } = this.#options
    this.#flying = null
    this.#busy = false
    this.#queuedBytes -= batch.sizeBytes
    this.#commits += 1
    batch.book(tallies, tail)
    this.#durable = batch.last
    writeHead(tail, { durable: this.#durable, first: store.currentFirst, endBytes: store.currentBytes })
    this.#pump()
    batch.settle(null)
    const last = batch.last
    this.#keep(batch)
    onCommitted(last)
  }

  #keep(batch: Batch): void {
    batch.clear()
    if (this.#idle.length < maxIdleBatches) this.#idle.push(batch)
  }

  /** Makes the next segment; what its header says was owed before it is what is durable. */
  #openSegment(proveRoom: boolean): Promise<void> {
    const { store, tallies } = this.#options
    const facts = { first: this.#durable + 1, names: tallies.names.slice(), tallies: tallies.snapshot() }
    return store.open(facts, proveRoom)
  }

  /**
   * A write or sync failed: nothing says what of it landed, and trying the sync again would lie. All that is not durable
   * vanishes, and its waiters hear it.
   */
  fail(cause: Error): void {
    const { store, tallies, onFault, onLost } = this.#options
    const error = writeFailed(cause)
    const lost = this.#flying === null ? this.#queue : [this.#flying, ...this.#queue]
    if (this.#gathering.count > 0) lost.push(this.#gathering)
    this.#gathering = new Batch()
    this.#queue = []
    this.#flying = null
    this.#queuedBytes = 0
    this.#busy = true
    tallies.rollBack()
    this.#next = this.#durable + 1
    onFault(error)
    const unheard = lost.reduce((sum, batch) => sum + batch.bookLost(), 0)
    if (unheard > 0) onLost(unheard, error)
    for (const batch of lost) {
      batch.settle(error)
      this.#keep(batch)
    }
    store.abandon().then(() => this.#mendLater())
  }

  #mendLater(): void {
    this.#busy = false
    if (this.#closed !== null) this.#closed()
    else this.#timer = setTimeout(this.#mend, mendEveryMs)
  }

  readonly #mend = (): void => {
    this.#timer = null
    this.#busy = true
    this.#openAfterFault().then(
      () => {
        this.#busy = false
        this.#options.onMended()
        this.#pump()
      },
      (error: Error) => {
        this.#options.onFault(writeFailed(error))
        this.#mendLater()
      },
    )
  }

  /** Proves that the disk takes more again; one that is full of what nobody is owed is emptied with the help of the reserve. */
  async #openAfterFault(): Promise<void> {
    const { store, owesNothing } = this.#options
    try {
      await this.#openSegment(true)
    } catch (error) {
      if (!owesNothing()) throw error
      await store.spendReserve()
      await this.#openSegment(false)
      await store.release(this.#durable)
    }
    await store.keepReserve()
  }
}
