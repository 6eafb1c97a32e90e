import type { AckWaiter } from '../broker/port.ts'
import type { TrestleError } from '../contract/error.ts'
import type { Owed } from '../contract/message.ts'
import type { AppendWaiter } from '../journal/port.ts'

/** Above so many waiting publishers the hub says it is busy: their clients come back with more at each reconnect. */
const maxAwaiting = 100_000

/** Tells the publisher of the refusal once the message is safe in the dead letters. */
export class KeptRefusal implements AppendWaiter {
  readonly #waiter: AckWaiter
  readonly #refusal: TrestleError

  constructor(waiter: AckWaiter, refusal: TrestleError) {
    this.#waiter = waiter
    this.#refusal = refusal
  }

  settle(token: number, error: TrestleError | null): void {
    this.#waiter.settle(token, error ?? this.#refusal)
  }
}

/** One publisher that waits until every sink has confirmed (`ack: delivered`). */
export class Awaited implements AppendWaiter {
  position = -1
  readonly #waiter: AckWaiter
  readonly #token: number
  readonly #awaiting: AwaitingDelivery
  /** Sinks that have not answered; a restarted connector thread may answer twice for one. */
  readonly #left: Set<string>
  #refusal: TrestleError | null = null

  constructor(waiter: AckWaiter, token: number, owed: readonly Owed[], awaiting: AwaitingDelivery) {
    this.#waiter = waiter
    this.#token = token
    this.#awaiting = awaiting
    this.#left = new Set(owed.map(({ sink }) => sink))
  }

  /** The journal's answer: that it is stored is not yet an answer to the publisher; that it is not, is. */
  settle(_token: number, error: TrestleError | null): void {
    if (error !== null) this.#answer(error)
  }

  /** One sink's answer; the last one is the publisher's. */
  settleSink(sink: string, error: TrestleError | null): void {
    this.#refusal ??= error
    this.#left.delete(sink)
    if (this.#left.size === 0) this.#answer(this.#refusal)
  }

  #answer(error: TrestleError | null): void {
    this.#awaiting.forget(this)
    this.#waiter.settle(this.#token, error)
  }
}

/** The publishers that wait for sinks, by journal position. */
export class AwaitingDelivery {
  readonly #byPosition = new Map<number, Awaited>()

  get full(): boolean {
    return this.#byPosition.size >= maxAwaiting
  }

  /** Publishers that wait. */
  get count(): number {
    return this.#byPosition.size
  }

  add(entry: Awaited): void {
    this.#byPosition.set(entry.position, entry)
  }

  forget(entry: Awaited): void {
    this.#byPosition.delete(entry.position)
  }

  /** A sink has settled its part of the record at `position`. */
  settle(position: number, sink: string, error: TrestleError | null): void {
    this.#byPosition.get(position)?.settleSink(sink, error)
  }
}
