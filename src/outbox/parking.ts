import { TrestleError } from '../contract/error.ts'
import { backOffMs } from './back-off.ts'
import type { DeadLetterShelf } from './dead-letter.ts'
import type { Held } from './held.ts'

/** Deliveries that were refused for good, until their dead letters are stored; only then are they settled. */
export class Parking {
  readonly #shelf: DeadLetterShelf
  readonly #random: () => number
  readonly #onStored: (held: Held) => void
  #parked: Held[] = []
  #failures = 0
  #dueMs = 0

  constructor(shelf: DeadLetterShelf, random: () => number, onStored: (held: Held) => void) {
    this.#shelf = shelf
    this.#random = random
    this.#onStored = onStored
  }

  get count(): number {
    return this.#parked.length
  }

  /** When storing is tried again; null when nothing is parked. */
  get dueMs(): number | null {
    return this.#parked.length === 0 ? null : this.#dueMs
  }

  /** Forgets them: their sink is gone for good. */
  clear(): void {
    this.#parked = []
  }

  add(held: Held, error: TrestleError): void {
    held.step('refused')
    held.error = error
    this.#parked.push(held)
  }

  /** Tries to store all. Answers what went wrong; then it is tried again later. */
  store(nowMs: number): TrestleError | null {
    if (this.#parked.length === 0) return null
    try {
      this.#shelf.putMany(this.#parked.map(({ delivery, error }) => ({ delivery, error: error!, timeMs: nowMs })))
    } catch (thrown) {
      this.#dueMs = nowMs + Math.max(1, backOffMs(++this.#failures, this.#random))
      return TrestleError.from(thrown, 'E504')
    }
    this.#failures = 0
    const stored = this.#parked
    this.#parked = []
    for (const held of stored) {
      held.step('stored')
      this.#onStored(held)
    }
    return null
  }

  /** As `store`, when its time has come. */
  storeDue(nowMs: number): TrestleError | null {
    if (this.#parked.length === 0 || this.#dueMs > nowMs) return null
    for (const held of this.#parked) held.step('retry-due')
    return this.store(nowMs)
  }
}
