import { defaultTiming } from '../bridge/boundary.ts'
import { Dispatch } from '../bridge/dispatch.ts'
import type { IdleLoop } from '../bridge/idle-gate.ts'
import { Link } from '../bridge/link.ts'
import { refusals } from '../bridge/refusals.ts'
import { ReconnectGovernor } from '../bridge/retry.ts'
import type { Sink } from '../contract/connector.ts'
import type { TrestleError } from '../contract/error.ts'
import { deadLetterSink } from '../journal/port.ts'
import type { RetryBudget } from '../outbox/again.ts'
import type { DeadLetterShelf } from '../outbox/dead-letter.ts'
import { Outbox } from '../outbox/outbox.ts'
import type { VirtualClock } from './clock.ts'
import type { Stage } from './stage.ts'
import type { SeenWaiting } from './witness.ts'

/** Every back-off takes this part of its range, so that an example ends the same way each time. */
const jitter = 1 / 3

/** What one sink needs to run in an example. */
export interface StationOptions {
  readonly name: string
  readonly stage: Stage
  readonly clock: VirtualClock
  readonly shelf: DeadLetterShelf
  readonly budget: RetryBudget | null
  readonly makeSink: () => Sink
  readonly onReceipt: (position: number, error: TrestleError | null) => void
}

/** One sink's outbox and loop, as they run in the hub, on the example's clock. */
export class ProvingStation {
  readonly #outbox: Outbox
  readonly #dispatch: Dispatch
  readonly #link: Link
  readonly #name: string
  #idle: IdleLoop | null = null

  constructor(options: StationOptions) {
    const { name, stage, clock, shelf, budget, makeSink, onReceipt } = options
    this.#name = name
    const reader = stage.reader(name)
    const { position, lastOrdinal: ordinal } = reader
    const { hub } = stage.journal
    this.#outbox = new Outbox({
      start: {
        hub,
        sink: name,
        position,
        ordinal,
        ranges: [],
        settled: ordinal,
        settledBytes: 0,
        byRule: {},
        drops: {},
      },
      reader,
      deadLetters: shelf,
      onReceipt,
      random: () => jitter,
      ...(budget === null ? {} : { budget }),
    })
    this.#link = new Link(clock.now, () => {})
    this.#dispatch = new Dispatch({
      name,
      outbox: this.#outbox,
      makeSink: () => Promise.resolve(name === deadLetterSink ? refusals() : makeSink()),
      link: this.#link,
      governor: new ReconnectGovernor({ maxOpens: 1, spacingMs: 0, now: clock.now, timers: clock }),
      gate: {
        enter: (loop) => {
          this.#idle = loop
        },
        leave: () => {
          this.#idle = null
        },
      },
      owedCount: null,
      timing: defaultTiming,
      onSettled: () => {},
      log: () => {},
      now: clock.now,
      random: () => jitter,
      timers: clock,
    })
    this.#dispatch.start()
  }

  /** Something was appended. */
  wake(): void {
    this.#idle?.wake()
  }

  /** What it was not rid of; null when there is nothing. */
  waiting(): SeenWaiting | null {
    const { held, parked } = this.#outbox.counts()
    if (held === 0) return null
    const { lastError } = this.#link
    return { sink: this.#name, count: held - parked, message: lastError?.message ?? null }
  }

  async stop(): Promise<void> {
    await this.#dispatch.stop()
    this.#outbox.close()
  }
}
