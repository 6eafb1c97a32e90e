/**
 * What the journal owes one sink, and what became of it.
 *
 * Promises: what is claimed comes in order of its key (or in one order, for sinks of `total` ordering), also through
 * retries, lost connections and restarts; a delivery keeps its identity for ever; nothing is settled before the far
 * side has it, its dead letter is stored, or its expiry has run out; memory is bounded by the window.
 * Does not: talk to the sink (`bridge/dispatch` does), decide when the disk is asked to sync (`bridge/host` does).
 *
 * `state` is the life of one delivery as a table, `held` one delivery, `window` what is read and not settled, `again`
 * what must be sent once more, `claiming` what goes next, `batch` what is with the sink, `parking` what waits for its
 * dead letter, `letting-go` drops for want of room, `fate-ledger` counts the ends, `cursor` keeps it all on disk, `dead-letters` keeps what was refused.
 * `open-outbox` puts them together.
 */
import { TrestleError } from '../contract/error.ts'
import type { Delivery } from '../contract/message.ts'
import type { Receipt } from '../contract/receipt.ts'
import { Again, type RetryBudget } from './again.ts'
import { Batch, type ClaimLimits, isSuspect } from './batch.ts'
import { Claiming } from './claiming.ts'
import type { CursorState, Fate } from './cursor.ts'
import type { DeadLetterShelf } from './dead-letter.ts'
import { FateLedger } from './fate-ledger.ts'
import type { Held } from './held.ts'
import { LettingGo } from './letting-go.ts'
import type { OutboxCounts, Settlement } from './outbox-counts.ts'
import { Parking } from './parking.ts'
import { type OwedReader, Window } from './window.ts'

export interface OutboxOptions {
  /** Where the last run stopped. */
  start: CursorState
  reader: OwedReader
  deadLetters: DeadLetterShelf
  /** This sink owes the awaited record at `position` nothing more; `error` when it did not get all of it. */
  onReceipt: (position: number, error: TrestleError | null) => void
  budget?: RetryBudget
  /** Deliveries held at most. */
  maxCount?: number
  /** Payload bytes held at most. */
  maxBytes?: number
  random?: () => number
}

const noBudget: RetryBudget = { maxAttempts: null, maxAgeMs: null }

export class Outbox {
  readonly #start: CursorState
  readonly #window: Window
  readonly #again: Again
  readonly #fates: FateLedger
  readonly #parking: Parking
  readonly #onReceipt: OutboxOptions['onReceipt']
  readonly #budget: RetryBudget
  readonly #batch = new Batch()
  readonly #claiming: Claiming
  readonly #lettingGo: LettingGo

  constructor(options: OutboxOptions) {
    this.#start = options.start
    const random = options.random ?? Math.random
    this.#again = new Again(random)
    this.#fates = new FateLedger(options.start)
    this.#parking = new Parking(options.deadLetters, random, (held) => this.#finish(held, 'deadLettered'))
    this.#onReceipt = options.onReceipt
    this.#budget = options.budget ?? noBudget
    this.#window = new Window(options.reader, {
      hub: options.start.hub,
      ranges: options.start.ranges,
      maxCount: options.maxCount ?? 10_000,
      maxBytes: options.maxBytes ?? 16 * 1024 * 1024,
      // A killed process may have stored a dead letter and not its cursor: it stays one, and is not tried anew.
      kept: options.deadLetters.keptAfter(options.start.sink, options.start.position),
      onKept: ({ rule, payload }) => this.#fates.count(rule, 'deadLettered', payload.byteLength),
      onSettledRecord: (position, kept) => this.#onReceipt(position, kept ? keptBefore() : null),
    })
    this.#lettingGo = new LettingGo(this.#window, this.#again, this.#parking, this.#fates, (held) =>
      this.#end(held, false),
    )
    this.#claiming = new Claiming(this.#window, this.#again, this.#batch, (held) => this.#expire(held))
  }

  /** As the sink says. To be called before the first claim. */
  useOrdering(ordering: 'total' | 'key'): void {
    this.#again.total = ordering === 'total'
  }

  /** Takes the next batch; empty when nothing is due, or while a batch is out. */
  claim(limits: ClaimLimits, nowMs: number): readonly Delivery[] {
    return this.#claiming.claim(limits, nowMs)
  }

  /** Takes the receipts of a batch in, one per delivery and in order. A batch that was lost meanwhile is left alone. */
  settle(handed: readonly Delivery[], receipts: readonly Receipt[], nowMs: number): Settlement {
    if (!this.#batch.isThis(handed)) return { delivered: 0, again: 0, error: null, reconnect: false }
    if (receipts.length !== handed.length) return this.#unanswered(handed, receipts.length, nowMs)
    const settlement: Settlement = { delivered: 0, again: 0, error: null, reconnect: false }
    const sent = this.#batch.held
    const lost: Held[] = []
    for (let at = 0; at < sent.length; at++) {
      const held = sent[at]!
      const receipt = receipts[at]!
      if (receipt.outcome === 'delivered') {
        held.step('delivered')
        settlement.delivered++
        this.#finish(held, 'delivered')
      } else this.#fail(held, failureOf(receipt), nowMs, settlement, lost)
    }
    if (settlement.delivered > 0) this.#claiming.suspectsTurn = true
    this.#again.takeBack(lost)
    this.#endBatch(nowMs)
    settlement.error = this.#parking.store(nowMs) ?? settlement.error
    return settlement
  }

  /** The sink was lost with this batch: nothing is known of it, all of it goes again, in order, under the same ids. */
  lost(handed: readonly Delivery[], error: TrestleError, nowMs: number): void {
    if (!this.#batch.isThis(handed)) return
    const sent = this.#batch.held
    const alone = sent.length === 1 ? sent[0]! : null
    if (alone !== null) alone.lonelyLosses++
    if (alone !== null && isSuspect(alone)) {
      this.#claiming.suspectsTurn = false
      this.#failLater(alone, error, nowMs)
    } else {
      for (const held of sent) held.step('lost')
      this.#again.takeBack(sent)
    }
    this.#endBatch(nowMs)
    this.#parking.store(nowMs)
  }

  /** When something held becomes due, so that someone should claim; null when only new messages can change anything. */
  get nextDueMs(): number | null {
    const againMs = this.#again.nextDueMs
    const storeMs = this.#parking.dueMs
    return againMs === null || storeMs === null ? (againMs ?? storeMs) : Math.min(againMs, storeMs)
  }

  /** Tries again to store dead letters that could not be. Answers what went wrong. */
  storeParked(nowMs: number): TrestleError | null {
    return this.#parking.storeDue(nowMs)
  }

  /** Reads ahead a little, so that position and oldest are known while nobody claims. */
  peek(): void {
    while (this.#window.oldest === null && this.#window.read(1));
  }

  /** Nothing that was read waits, is sent, or is parked. */
  get isEmpty(): boolean {
    return this.#window.oldest === null
  }

  /** True when a claim may find something fresh, given how many were ever owed to this sink. */
  hasMore(owedCount: number): boolean {
    // What `peek` has read is no longer ahead of the reader, and yet nobody has claimed it.
    return this.#window.fresh !== null || owedCount > this.#window.lastOrdinal
  }

  get settledCount(): number {
    return this.#fates.settled
  }

  get settledBytes(): number {
    return this.#fates.settledBytes
  }

  /** Drops the oldest of those that were never tried, until about so much is gone. Answers how many. */
  dropOldest(excessBytes: number): number {
    return this.#lettingGo.oldest(excessBytes)
  }

  /** Drops all it is owed, for a sink that is gone for good; not while a batch is out. Answers how many. */
  discardAll(): number {
    return this.#lettingGo.all()
  }

  /** Everything up to here is settled. */
  get position(): number {
    return this.#window.position
  }

  /** What the cursor file is to hold now. */
  snapshot(): CursorState {
    return {
      hub: this.#start.hub,
      sink: this.#start.sink,
      position: this.#window.position,
      ordinal: this.#window.ordinal,
      ranges: this.#window.settledRanges(),
      settled: this.#fates.settled,
      settledBytes: this.#fates.settledBytes,
      byRule: this.#fates.byRule(),
      drops: { ...this.#fates.drops },
    }
  }

  counts(): OutboxCounts {
    const { count, lastOrdinal, ahead, oldest } = this.#window
    return {
      settled: this.#fates.settled,
      settledBytes: this.#fates.settledBytes,
      byRule: this.#fates.byRule(),
      drops: { ...this.#fates.drops },
      held: count,
      lastOrdinal,
      // The settled ones that the reader has not come by again are not part of what was read.
      unaccounted: lastOrdinal - (this.#fates.settled - ahead.left) - count,
      keysInTrouble: this.#again.keys,
      full: this.#window.full,
      parked: this.#parking.count,
      oldestMs: oldest?.delivery.message.timeMs ?? null,
    }
  }

  close(): void {
    this.#window.close()
  }

  #endBatch(nowMs: number): void {
    this.#again.endBatch(nowMs)
    this.#batch.end()
  }

  #fail(held: Held, error: TrestleError, nowMs: number, settlement: Settlement, lost: Held[]): void {
    settlement.error = error
    if (error.retry === 'never') this.#park(held, error)
    else if (error.retry === 'reconnect') {
      settlement.reconnect = true
      settlement.again++
      held.step('failed-reconnect')
      lost.push(held)
    } else if (this.#failLater(held, error, nowMs)) settlement.again++
  }

  /** False when the budget is spent: then it is parked. */
  #failLater(held: Held, error: TrestleError, nowMs: number): boolean {
    const { maxAttempts, maxAgeMs } = this.#budget
    const { attempt, message } = held.delivery
    if ((maxAttempts !== null && attempt >= maxAttempts) || (maxAgeMs !== null && nowMs - message.timeMs >= maxAgeMs)) {
      const told = `retry budget is spent after ${attempt} attempts; the last said: ${error.message}`
      this.#park(held, new TrestleError('E610', told, { cause: error, detail: { last: error.code } }))
      return false
    }
    held.step('failed-later')
    this.#again.failed(held, nowMs)
    return true
  }

  #park(held: Held, error: TrestleError): void {
    this.#parking.add(held, error)
    // Its key goes on without it: sending it again could never help.
    if (held.chain !== null) this.#again.settled(held, false)
  }

  #expire(held: Held): void {
    held.step('discard')
    held.error = new TrestleError('E407', `message expired before ${held.delivery.sink} could take it`)
    this.#finish(held, 'expired')
  }

  #finish(held: Held, fate: Fate): void {
    this.#fates.count(held.delivery.rule, fate, held.bytes)
    this.#end(held, fate === 'delivered')
  }

  #end(held: Held, delivered: boolean): void {
    if (held.chain !== null) this.#again.settled(held, delivered)
    this.#window.remove(held)
    const { awaited } = held
    if (awaited === null) return
    awaited.error ??= held.error
    if (--awaited.left === 0) this.#onReceipt(awaited.position, awaited.error)
  }

  /** A sink that does not answer for each delivery has said nothing of any. */
  #unanswered(handed: readonly Delivery[], answers: number, nowMs: number): Settlement {
    const error = new TrestleError('E608', `sink gave ${answers} receipts for ${handed.length} deliveries`)
    this.lost(handed, error, nowMs)
    return { delivered: 0, again: handed.length, error, reconnect: true }
  }
}

const keptBefore = (): TrestleError => new TrestleError('E606', 'it is kept as a dead letter')

/** Why a delivery was not taken; a receipt that says something else than the contract allows is a fault of the sink. */
const failureOf = (receipt: Receipt): TrestleError =>
  (receipt.outcome === 'failed' || receipt.outcome === 'refused') && receipt.error !== null
    ? receipt.error
    : new TrestleError(
        'E608',
        `sink answered "${receipt.outcome}" without an error, where delivered or an error is due`,
      )
