import { TrestleError } from '../contract/error.ts'
import type { Again } from './again.ts'
import type { DropReason } from './cursor.ts'
import type { FateLedger } from './fate-ledger.ts'
import type { Held } from './held.ts'
import type { Parking } from './parking.ts'
import type { Window } from './window.ts'

/** So many in one turn of the loop. */
const maxAtOnce = 5000

/** Drops what is owed: the oldest for want of room, or all of it when the sink was removed. Each is counted with its reason. */
export class LettingGo {
  readonly #window: Window
  readonly #again: Again
  readonly #parking: Parking
  readonly #fates: FateLedger
  readonly #onDropped: (held: Held) => void

  constructor(window: Window, again: Again, parking: Parking, fates: FateLedger, onDropped: (held: Held) => void) {
    this.#window = window
    this.#again = again
    this.#parking = parking
    this.#fates = fates
    this.#onDropped = onDropped
  }

  /**
   * The oldest of those that were never tried, until `excessBytes` are gone or a turn is over; what was tried may be on
   * the far side already. Answers how many.
   */
  oldest(excessBytes: number): number {
    let droppedBytes = 0
    let count = 0
    while (droppedBytes < excessBytes && count < maxAtOnce) {
      const held = this.#window.fresh
      if (held === null) {
        if (!this.#window.read(maxAtOnce)) break
        continue
      }
      this.#window.passFresh()
      droppedBytes += held.bytes
      count++
      this.#drop(held, 'drop-oldest', `the buffer of ${held.delivery.sink} is full, and this was the oldest in it`)
    }
    return count
  }

  /** Everything; nothing may be with the sink. Answers how many. */
  all(): number {
    let count = 0
    this.#parking.clear()
    this.#again.clear()
    for (;;) {
      while (this.#window.fresh !== null) this.#window.passFresh()
      for (let held = this.#window.oldest; held !== null; held = this.#window.oldest) {
        held.chain = null
        count++
        this.#drop(held, 'removed', `${held.delivery.sink} was removed with all it was owed`)
      }
      if (!this.#window.read(maxAtOnce)) return count
    }
  }

  #drop(held: Held, reason: DropReason, why: string): void {
    held.step('discard')
    held.error = new TrestleError('E406', why, { retry: 'never' })
    this.#fates.drop(held.delivery.rule, reason, held.bytes)
    this.#onDropped(held)
  }
}
