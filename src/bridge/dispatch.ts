/**
 * One loop per sink: open, claim, deliver, settle; one batch with the sink at a time.
 *
 * Promises: whatever the sink does (throw, hang, answer nonsense, fail to close), the loop goes on and nothing of the
 * batch is lost or overtaken; the first message after a pause goes at once, then batches gather for the sink's linger;
 * nothing is polled while there is nothing to do.
 * Does not: decide what becomes of a delivery (`outbox/outbox`), nor where cursors are kept (`cursor-keeper`).
 */
import type { Sink } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { Delivery } from '../contract/message.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Settlement } from '../outbox/outbox-counts.ts'
import type { BridgeTiming } from './boundary.ts'
import type { IdleGate } from './idle-gate.ts'
import type { Link } from './link.ts'
import { backOffMs, type ReconnectGovernor } from './retry.ts'
import { Patience, Signal, within } from './signal.ts'
import { realTimers, type Timers } from './timers.ts'

export interface DispatchOptions {
  name: string
  outbox: Outbox
  /** Makes a new sink; called before each opening. */
  makeSink: () => Promise<Sink>
  link: Link
  governor: ReconnectGovernor
  gate: Pick<IdleGate, 'enter' | 'leave'>
  /** Deliveries ever owed to this sink, cheaply; null when only reading the journal can tell. */
  owedCount: (() => number) | null
  timing: BridgeTiming
  /** Called when something was settled, before the next batch is claimed. */
  onSettled: () => void
  log: (level: 'warn' | 'error', event: string, facts: Record<string, unknown>) => void
  /** *Unit*: ms since the epoch. */
  now: () => number
  random: () => number
  /** Default: the process's own. */
  timers?: Timers
}

export class Dispatch {
  readonly #options: DispatchOptions
  readonly #outbox: Outbox
  readonly #timers: Timers
  readonly #signal: Signal
  readonly #idleLoop = {
    hasMore: () => this.#outbox.hasMore(this.#options.owedCount?.() ?? Number.POSITIVE_INFINITY),
    wake: () => this.#signal.set(),
  }
  #paused = false
  #stopped = false
  #done: Promise<void> = Promise.resolve()
  readonly #opening = new Patience()
  readonly #delivering = new Patience()
  /** Openings in a row without a delivery after them. */
  #failures = 0
  /** Halved when a sink is lost with a batch, so that what caused it is found and stands alone. */
  #maxCount = Number.POSITIVE_INFINITY

  constructor(options: DispatchOptions) {
    this.#options = options
    this.#outbox = options.outbox
    this.#timers = options.timers ?? realTimers
    this.#signal = new Signal(this.#timers)
  }

  start(): void {
    this.#done = this.#run()
  }

  /** Lets the batch that is out come back, then closes the sink until `resume`. */
  pause(): void {
    this.#paused = true
    this.#options.link.pause()
    this.#signal.set()
  }

  resume(): void {
    this.#paused = false
    this.#failures = 0
    this.#options.link.resume()
    this.#signal.set()
  }

  /** As `pause`, for good. Resolves when the sink is closed. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#options.link.stop()
    this.#signal.set()
    const stopped = new TrestleError('E902', `${this.#options.name} is stopped`)
    this.#opening.end(stopped)
    // A batch that is out has so long to come back; then nothing is known of it.
    const patience = this.#timers.set(() => this.#delivering.end(stopped), this.#options.timing.closeTimeoutMs)
    await this.#done
    this.#timers.clear(patience)
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#paused) await this.#signal.wait(null)
      else await this.#connectAndDrain()
    }
  }

  /** From one opening to its end. Whatever goes wrong inside ends here. */
  async #connectAndDrain(): Promise<void> {
    let sink: Sink | null = null
    let error: TrestleError | null
    try {
      sink = await this.#options.makeSink()
      error = await this.#open(sink)
      if (error === null) error = await this.#drain(sink)
    } catch (thrown) {
      error = TrestleError.from(thrown, 'E608')
    }
    // The far side is told first, then waited for: a sink that hangs in closing must not hide what is wrong.
    const waitMs = error === null ? 0 : this.#failed(error)
    if (sink !== null) await this.#close(sink)
    if (error !== null) await this.#rest(waitMs)
  }

  /** Answers what went wrong. */
  async #open(sink: Sink): Promise<TrestleError | null> {
    const { governor, link, name, timing } = this.#options
    const release = await governor.acquire()
    try {
      if (this.#held) return null
      const late = (): TrestleError =>
        new TrestleError('E601', `${name} did not open within ${timing.openTimeoutMs} ms`)
      await this.#opening.wait(within(sink.open(), timing.openTimeoutMs, late, this.#timers))
    } catch (thrown) {
      return TrestleError.from(thrown, 'E601')
    } finally {
      release()
    }
    this.#outbox.useOrdering(sink.ordering)
    if (!this.#held) link.opened()
    return null
  }

  /** Delivers until it is paused or stopped (null) or the sink must be opened anew (why). */
  async #drain(sink: Sink): Promise<TrestleError | null> {
    const { limits } = sink
    const { now } = this.#options
    while (!this.#held) {
      const nowMs = now()
      const storing = this.#outbox.storeParked(nowMs)
      if (storing !== null) this.#options.link.note(storing, this.#outbox.nextDueMs)
      const count = Math.min(limits.count, this.#maxCount)
      const batch = this.#outbox.claim({ count, bytes: limits.bytes }, nowMs)
      if (batch.length === 0) {
        this.#options.onSettled()
        await this.#idle()
        continue
      }
      const error = await this.#deliver(sink, batch)
      if (error !== null) return error
      // A full batch says that more is there already; else let the next one gather.
      if (batch.length < count) await this.#linger(nowMs + limits.lingerMs - now())
    }
    return null
  }

  /** Hands a batch over and takes the receipts in. Answers why the sink is spent, or null. */
  async #deliver(sink: Sink, batch: readonly Delivery[]): Promise<TrestleError | null> {
    const { link, name, timing, now } = this.#options
    const late = (): TrestleError =>
      new TrestleError('E608', `${name} did not answer for a batch within ${timing.deliverTimeoutMs} ms`)
    let settlement: Settlement
    try {
      const receipts = await this.#delivering.wait(
        within(sink.deliver(batch), timing.deliverTimeoutMs, late, this.#timers),
      )
      settlement = this.#outbox.settle(batch, receipts, now())
    } catch (thrown) {
      const error = TrestleError.from(thrown, 'E608')
      this.#outbox.lost(batch, error, now())
      if (batch.length > 1) this.#maxCount = batch.length >> 1
      link.retries += batch.length
      return error
    }
    this.#options.onSettled()
    if (settlement.delivered > 0) {
      this.#failures = 0
      this.#maxCount *= 2
    }
    if (settlement.error === null) return null
    link.retries += settlement.again
    if (settlement.reconnect) return settlement.error
    link.note(settlement.error, this.#outbox.nextDueMs)
    return null
  }

  async #idle(): Promise<void> {
    const { gate, now } = this.#options
    const dueMs = this.#outbox.nextDueMs
    gate.enter(this.#idleLoop)
    await this.#signal.wait(dueMs === null ? null : Math.max(0, dueMs - now()))
    gate.leave(this.#idleLoop)
  }

  async #linger(waitMs: number): Promise<void> {
    if (waitMs > 0) await this.#signal.wait(waitMs)
  }

  /** Says so, and answers how long to wait before the next opening. */
  #failed(error: TrestleError): number {
    const { link, now, random } = this.#options
    const waitMs = Math.max(1, backOffMs(++this.#failures, random))
    link.failed(error, now() + waitMs)
    return waitMs
  }

  async #rest(waitMs: number): Promise<void> {
    const dueMs = this.#options.now() + waitMs
    for (let leftMs = waitMs; leftMs > 0 && !this.#held; leftMs = dueMs - this.#options.now())
      await this.#signal.wait(leftMs)
  }

  async #close(sink: Sink): Promise<void> {
    const { log, name, timing } = this.#options
    try {
      const late = (): TrestleError =>
        new TrestleError('E608', `${name} did not close within ${timing.closeTimeoutMs} ms and is left behind`)
      await within(sink.close(), timing.closeTimeoutMs, late, this.#timers)
    } catch (thrown) {
      log('warn', 'connector.close-failed', { connector: name, message: TrestleError.from(thrown).message })
    }
  }

  get #held(): boolean {
    return this.#paused || this.#stopped
  }
}
