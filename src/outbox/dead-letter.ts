import type { TrestleError } from '../contract/error.ts'
import type { Delivery } from '../contract/message.ts'

/** A delivery that was refused for good, with why: what the dead-letter store keeps. */
export interface DeadLetter {
  readonly delivery: Delivery
  readonly error: TrestleError
  /** When it was refused. *Unit*: ms since the epoch. */
  readonly timeMs: number
}

/** Where the outbox parks what cannot be delivered. */
export interface DeadLetterShelf {
  /** Keeps all or none, durably, before it returns; what it has already is left as it is. *Errors*: E406 (full), E504. */
  putMany(letters: readonly DeadLetter[]): void
  /** Ids (`<position>-<index>`) of what is kept of this sink above `position`. */
  keptAfter(sink: string, position: number): ReadonlySet<string>
}
