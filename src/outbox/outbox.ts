/**
 * What the journal owes one sink, and what became of it.
 *
 * Promises: what is claimed comes in order of its key (or in one order, for sinks of `total` ordering), also through
 * retries, lost connections and restarts; a delivery keeps its identity for ever; nothing is settled before the far
 * side has it, its dead letter is stored, or its expiry has run out; memory is bounded by the window.
 * Does not: talk to the sink (`bridge/dispatch` does), decide when the disk is asked to sync (`bridge/host` does).
 *
 * `state` is the life of one delivery as a table, `held` one delivery, `window` what is read and not settled, `again`
 * what must be sent once more, `fate-ledger` counts the ends, `cursor` keeps it all on disk, `dead-letters` keeps what
 * was refused. `open-outbox` puts them together.
 */
import { TrestleError } from '../contract/error.ts'
import type { Delivery } from '../contract/message.ts'
import type { Receipt } from '../contract/receipt.ts'
import { Again, type RetryBudget } from './again.ts'
import { backOffMs } from './back-off.ts'
import type { CursorState, Fate, FateCounts } from './cursor.ts'
import type { DeadLetterShelf } from './dead-letter.ts'
import { FateLedger } from './fate-ledger.ts'
import type { Held } from './held.ts'
import type { OrderChain } from './order-chain.ts'
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

/** The limits of one claim; a delivery above `bytes` comes alone. */
export interface ClaimLimits {
  readonly count: number
  readonly bytes: number
}

/** What a batch's receipts came to. */
export interface Settlement {
  delivered: number
  /** Deliveries that will be sent again. */
  again: number
  /** The last thing that went wrong, for people; null when nothing did. */
  error: TrestleError | null
  /** The connection is spent: the sink must be opened anew before the next claim. */
  reconnect: boolean
}

/** What an outbox counts; all since the first start of the hub, but `held`. */
export interface OutboxCounts {
  settled: number
  settledBytes: number
  byRule: Record<string, FateCounts>
  /** Deliveries in memory. */
  held: number
  lastOrdinal: number
  /** Read, not settled and not held: must be 0. */
  unaccounted: number
  /** Order keys that wait to be sent again. */
  keysInTrouble: number
  /** Dead letters that could not be stored yet. */
  parked: number
  /** Arrival of the oldest that is held. *Unit*: ms since the epoch. */
  oldestMs: number | null
}

/** Deliveries that lost their connection alone so often are taken for the cause and stand back for the others. */
const maxLonelyLosses = 3
const suspect = (held: Held): boolean => held.lonelyLosses >= maxLonelyLosses
const noBudget: RetryBudget = { maxAttempts: null, maxAgeMs: null }

export class Outbox {
  readonly #start: CursorState
  readonly #window: Window
  readonly #again: Again
  readonly #fates: FateLedger
  readonly #deadLetters: DeadLetterShelf
  readonly #onReceipt: OutboxOptions['onReceipt']
  readonly #budget: RetryBudget
  readonly #random: () => number
  /** The batch that is with the sink, and its far side's view of it. */
  #sent: Held[] = []
  #sentBytes = 0
  #handed: readonly Delivery[] | null = null
  /** Something was delivered since one that is taken for the cause of losses had its last try. */
  #suspectsTurn = true
  #parked: Held[] = []
  #storeFailures = 0
  #storeDueMs = 0

  constructor(options: OutboxOptions) {
    this.#start = options.start
    this.#random = options.random ?? Math.random
    this.#again = new Again(this.#random)
    this.#fates = new FateLedger(options.start)
    this.#deadLetters = options.deadLetters
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
  }

  /** As the sink says. To be called before the first claim. */
  useOrdering(ordering: 'total' | 'key'): void {
    this.#again.total = ordering === 'total'
  }

  /** Takes the next batch; empty when nothing is due, or while a batch is out. */
  claim(limits: ClaimLimits, nowMs: number): readonly Delivery[] {
    if (this.#handed !== null) return nothing
    const putOff = this.#claimDue(limits, nowMs)
    if (this.#again.listed !== undefined) this.#claimListed(limits, nowMs)
    if (this.#again.listed === undefined) this.#claimFresh(limits, nowMs)
    if (putOff.length > 0) this.#claimSuspect(putOff, limits, nowMs)
    const sent = this.#sent
    if (sent.length === 0) return nothing
    const handed: Delivery[] = new Array(sent.length)
    for (let at = 0; at < sent.length; at++) handed[at] = sent[at]!.delivery
    this.#handed = handed
    return handed
  }

  /** Takes the receipts of a batch in, one per delivery and in order. A batch that was lost meanwhile is left alone. */
  settle(handed: readonly Delivery[], receipts: readonly Receipt[], nowMs: number): Settlement {
    if (handed !== this.#handed) return { delivered: 0, again: 0, error: null, reconnect: false }
    if (receipts.length !== handed.length) return this.#unanswered(handed, receipts.length, nowMs)
    const settlement: Settlement = { delivered: 0, again: 0, error: null, reconnect: false }
    const sent = this.#sent
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
    if (settlement.delivered > 0) this.#suspectsTurn = true
    this.#again.takeBack(lost)
    this.#endBatch(nowMs)
    if (this.#parked.length > 0) this.#store(nowMs, settlement)
    return settlement
  }

  /** The sink was lost with this batch: nothing is known of it, all of it goes again, in order, under the same ids. */
  lost(handed: readonly Delivery[], error: TrestleError, nowMs: number): void {
    if (handed !== this.#handed) return
    const sent = this.#sent
    const alone = sent.length === 1 ? sent[0]! : null
    if (alone !== null) alone.lonelyLosses++
    if (alone !== null && suspect(alone)) {
      this.#suspectsTurn = false
      this.#failLater(alone, error, nowMs)
    } else {
      for (const held of sent) held.step('lost')
      this.#again.takeBack(sent)
    }
    this.#endBatch(nowMs)
    if (this.#parked.length > 0) this.#store(nowMs, null)
  }

  /** When something held becomes due, so that someone should claim; null when only new messages can change anything. */
  get nextDueMs(): number | null {
    const dueMs = this.#again.nextDueMs
    if (this.#parked.length === 0) return dueMs
    return dueMs === null ? this.#storeDueMs : Math.min(dueMs, this.#storeDueMs)
  }

  /** Tries again to store dead letters that could not be. Answers what went wrong. */
  storeParked(nowMs: number): TrestleError | null {
    if (this.#parked.length === 0 || this.#storeDueMs > nowMs) return null
    const settlement: Settlement = { delivered: 0, again: 0, error: null, reconnect: false }
    for (const held of this.#parked) held.step('retry-due')
    this.#store(nowMs, settlement)
    return settlement.error
  }

  /** Reads ahead a little, so that position and oldest are known while nobody claims. */
  peek(): void {
    while (this.#window.oldest === null && this.#window.read(1));
  }

  get settledCount(): number {
    return this.#fates.settled
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
    }
  }

  counts(): OutboxCounts {
    const { count, lastOrdinal, ahead, oldest } = this.#window
    return {
      settled: this.#fates.settled,
      settledBytes: this.#fates.settledBytes,
      byRule: this.#fates.byRule(),
      held: count,
      lastOrdinal,
      // The settled ones that the reader has not come by again are not part of what was read.
      unaccounted: lastOrdinal - (this.#fates.settled - ahead.left) - count,
      keysInTrouble: this.#again.keys,
      parked: this.#parked.length,
      oldestMs: oldest?.delivery.message.timeMs ?? null,
    }
  }

  close(): void {
    this.#window.close()
  }

  /** Answers the chains whose turn it is, but whose first is taken for the cause of losses: others go before them. */
  #claimDue(limits: ClaimLimits, nowMs: number): readonly OrderChain[] {
    let putOff = noChains
    while (this.#room(limits)) {
      const chain = this.#again.takeDue(nowMs)
      if (chain === undefined) return putOff
      if (!this.#suspectsTurn && suspect(chain.at(0)!)) {
        putOff = [...putOff, chain]
        continue
      }
      let taken = 0
      let full = false
      for (let held = chain.at(0); held !== undefined && !full; held = chain.at(taken)) {
        if (held.expiresMs <= nowMs) this.#expire(held)
        else if (this.#take(held, limits)) taken++
        else full = true
      }
      if (taken > 0) this.#again.markSent(chain)
      else this.#again.rest(chain, chain.dueMs)
      if (full) return putOff
    }
    return putOff
  }

  /** When there is nothing else to send. */
  #claimSuspect(putOff: readonly OrderChain[], limits: ClaimLimits, nowMs: number): void {
    for (const chain of putOff) this.#again.rest(chain, chain.dueMs)
    if (this.#sent.length > 0) return
    this.#suspectsTurn = true
    this.#claimDue(limits, nowMs)
  }

  #claimListed(limits: ClaimLimits, nowMs: number): void {
    for (let held = this.#again.listed; held !== undefined; held = this.#again.listed) {
      if (held.expiresMs <= nowMs) this.#expire(held)
      else if (!this.#again.hold(held) && !this.#take(held, limits)) return
      this.#again.passListed()
    }
  }

  #claimFresh(limits: ClaimLimits, nowMs: number): void {
    const window = this.#window
    while (this.#room(limits)) {
      const held = window.fresh
      if (held === null) {
        if (!window.read(limits.count - this.#sent.length)) return
        continue
      }
      if (held.expiresMs <= nowMs) {
        window.passFresh()
        this.#expire(held)
        continue
      }
      if (!this.#again.hold(held) && !this.#take(held, limits)) return
      window.passFresh()
    }
  }

  #room(limits: ClaimLimits): boolean {
    const sent = this.#sent
    return sent.length === 0 || (sent.length < limits.count && this.#sentBytes < limits.bytes && !suspect(sent[0]!))
  }

  /** False when the batch is full for this one. One that is taken for the cause of losses goes alone. */
  #take(held: Held, limits: ClaimLimits): boolean {
    if (this.#sent.length > 0 && (!this.#room(limits) || this.#sentBytes + held.bytes > limits.bytes || suspect(held)))
      return false
    if (held.state === 'waiting-again') held.step('retry-due')
    held.step('claim')
    held.delivery.attempt++
    this.#sent.push(held)
    this.#sentBytes += held.bytes
    return true
  }

  #endBatch(nowMs: number): void {
    this.#again.endBatch(nowMs)
    this.#sent = []
    this.#sentBytes = 0
    this.#handed = null
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
    held.step('refused')
    held.error = error
    // Its key goes on without it: sending it again could never help.
    if (held.chain !== null) this.#again.settled(held, false)
    this.#parked.push(held)
  }

  #store(nowMs: number, settlement: Settlement | null): void {
    try {
      this.#deadLetters.putMany(
        this.#parked.map((held) => ({ delivery: held.delivery, error: held.error!, timeMs: nowMs })),
      )
    } catch (thrown) {
      this.#storeDueMs = nowMs + Math.max(1, backOffMs(++this.#storeFailures, this.#random))
      if (settlement !== null) settlement.error = TrestleError.from(thrown, 'E504')
      return
    }
    this.#storeFailures = 0
    for (const held of this.#parked) {
      held.step('stored')
      this.#finish(held, 'deadLettered')
    }
    this.#parked = []
  }

  #expire(held: Held): void {
    held.step('discard')
    held.error = new TrestleError('E407', `message expired before ${held.delivery.sink} could take it`)
    this.#finish(held, 'expired')
  }

  #finish(held: Held, fate: Fate): void {
    this.#fates.count(held.delivery.rule, fate, held.bytes)
    if (held.chain !== null) this.#again.settled(held, fate === 'delivered')
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

const nothing: readonly Delivery[] = []
const noChains: readonly OrderChain[] = []
const keptBefore = (): TrestleError => new TrestleError('E606', 'it is kept as a dead letter')

/** Why a delivery was not taken; a receipt that says something else than the contract allows is a fault of the sink. */
const failureOf = (receipt: Receipt): TrestleError =>
  (receipt.outcome === 'failed' || receipt.outcome === 'refused') && receipt.error !== null
    ? receipt.error
    : new TrestleError(
        'E608',
        `sink answered "${receipt.outcome}" without an error, where delivered or an error is due`,
      )
