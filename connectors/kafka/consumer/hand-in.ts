import { type Inbound, type InboundBatch, type Intake, type Receipt, TrestleError } from 'trestle/contract'
import type { KafkaSourceOptions } from '../source-options.ts'
import type { Feed, Feeds } from './feed.ts'
import type { Run } from './progress.ts'
import { recordsOf } from './record-batches.ts'

export interface HandInHooks {
  now(): number
  /** There is room again. */
  eased(): void
  /** What begins at this offset of the feed cannot be read. */
  unreadable(feed: Feed, offset: number, error: TrestleError): void
  /** The hub did not take a record: nothing may be handed in behind it. */
  notTaken(feed: Feed, error: TrestleError): void
}

/** The most records of one call of `take`. */
const maxTake = 1000

interface Part {
  readonly feed: Feed
  readonly offsets: number[]
}

/**
 * Hands what was fetched to the hub: batch after batch, feed after feed, as long as there is room for what the hub has
 * not answered. Records of a partition enter in their order; none is handed in that lies before the feed's position.
 */
export class HandIn {
  /** Handed in and not answered. */
  count = 0
  bytes = 0
  readonly #intake: Intake
  readonly #inbound: Inbound
  readonly #feeds: Feeds
  readonly #options: KafkaSourceOptions
  readonly #hooks: HandInHooks
  #held = false
  #turn = 0
  /** Being unpacked; the pump goes on when it is. */
  #unpacking: Promise<void> | null = null

  constructor(intake: Intake, inbound: Inbound, feeds: Feeds, options: KafkaSourceOptions, hooks: HandInHooks) {
    this.#intake = intake
    this.#inbound = inbound
    this.#feeds = feeds
    this.#options = options
    this.#hooks = hooks
  }

  get isHeld(): boolean {
    return this.#held
  }

  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    this.pump()
  }

  /** Bytes that may still be read, what lies in the queues counted in. */
  get room(): number {
    const { max_unsettled, max_unsettled_bytes } = this.#options
    if (this.#held || this.count >= max_unsettled) return 0
    let queued = 0
    for (const { queuedBytes } of this.#feeds.all) queued += queuedBytes
    return Math.max(0, max_unsettled_bytes - this.bytes - queued)
  }

  /** Hands in all that can be; called whenever something arrived or was answered. */
  pump(): void {
    if (this.#unpacking !== null) return
    for (let more = true; more; ) {
      more = false
      const feeds = [...this.#feeds.all].filter(({ queue, stopped }) => queue.length > 0 && !stopped)
      if (feeds.length === 0 || this.#isFull()) return
      const first = this.#turn++ % feeds.length
      const batch = this.#inbound.begin()
      const parts: Part[] = []
      const beforeBytes = this.bytes
      for (let at = 0; at < feeds.length && this.#unpacking === null; at++) {
        this.#gather(feeds[(first + at) % feeds.length]!, batch, parts)
      }
      more = this.#unpacking === null
      if (batch.messages.length > 0) this.#take(batch, parts, this.bytes - beforeBytes)
    }
  }

  #isFull(): boolean {
    const { max_unsettled, max_unsettled_bytes } = this.#options
    return this.#held || this.count >= max_unsettled || this.bytes >= max_unsettled_bytes
  }

  /** Adds what fits of one feed. */
  #gather(feed: Feed, batch: InboundBatch, parts: Part[]): void {
    const offsets: number[] = []
    const before = batch.messages.length
    try {
      while (feed.queue.length > 0 && batch.messages.length < maxTake && !this.#isFull()) {
        if (!this.#gatherBatch(feed, batch, offsets)) break
      }
    } catch (thrown) {
      this.#hooks.unreadable(feed, feed.queue[0]!.baseOffset, TrestleError.from(thrown, 'E606'))
    }
    if (batch.messages.length > before) parts.push({ feed, offsets })
  }

  /** Adds what fits of the feed's oldest batch; answers false when it must be unpacked first. */
  #gatherBatch(feed: Feed, batch: InboundBatch, offsets: number[]): boolean {
    const raw = feed.queue[0]!
    const { progress } = feed
    if (!raw.skipped) {
      if (!feed.isOpen) {
        const records = recordsOf(raw)
        if (records instanceof Promise) {
          this.#unpack(feed, records)
          return false
        }
        feed.open(records)
      }
      const { cursor } = feed
      const nowMs = this.#hooks.now()
      while (batch.messages.length < maxTake && !this.#isFull() && cursor.next()) {
        if (cursor.offset < progress.next) continue
        this.#inbound.add(batch, cursor, nowMs)
        offsets.push(cursor.offset)
        progress.next = cursor.offset + 1
        this.count++
        this.bytes += cursor.sizeBytes
      }
      if (!cursor.atEnd) return true
    }
    feed.dequeue()
    return true
  }

  #unpack(feed: Feed, records: Promise<Buffer>): void {
    const raw = feed.queue[0]!
    this.#unpacking = records
      .then(
        (unpacked) => {
          if (feed.queue[0] === raw) feed.open(unpacked)
        },
        (thrown: unknown) => {
          if (feed.queue[0] === raw) this.#hooks.unreadable(feed, raw.baseOffset, TrestleError.from(thrown, 'E606'))
        },
      )
      .finally(() => {
        this.#unpacking = null
        this.pump()
        this.#hooks.eased()
      })
  }

  #take(batch: InboundBatch, parts: readonly Part[], bytes: number): void {
    const runs = parts.map(({ feed, offsets }) => feed.progress.handedIn(offsets, feed.progress.next))
    const count = batch.messages.length
    const answered = (receipts: readonly Receipt[], error: TrestleError | null): void => {
      this.count -= count
      this.bytes -= bytes
      this.#settle(parts, runs, receipts, error)
      this.pump()
      this.#hooks.eased()
    }
    void this.#intake.take(batch.messages, batch.faults).then(
      (receipts) => answered(receipts, null),
      // No answer is none: not one of them counts.
      (thrown: unknown) => answered([], TrestleError.from(thrown)),
    )
  }

  #settle(
    parts: readonly Part[],
    runs: readonly Run[],
    receipts: readonly Receipt[],
    error: TrestleError | null,
  ): void {
    let first = 0
    for (let at = 0; at < parts.length; at++) {
      const { feed, offsets } = parts[at]!
      const { progress } = feed
      const failed = progress.failed
      progress.settle(runs[at]!, receipts, first)
      first += offsets.length
      if (!progress.failed || failed) continue
      const why = error ?? receipts.find(({ outcome }) => outcome === 'failed')?.error
      this.#hooks.notTaken(feed, why ?? new TrestleError('E999', 'a receipt is missing'))
    }
  }
}
