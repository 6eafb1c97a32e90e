import type { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'

/** Told, in the order of the appends, when its record is back from disk (`null`) or could not be written. */
export interface AppendWaiter {
  settle(token: number, error: TrestleError | null): void
}

/** What is in one record: the message once, and the list of sinks that are owed it. */
export interface JournalRecord {
  position: number
  message: Message
  owed: readonly OwedRecord[]
  /** Someone waits for the receipts of this record's deliveries (`ack: delivered`). */
  awaited: boolean
}

export interface OwedRecord extends Owed {
  /** Index among all deliveries of the record, those of other sinks included: part of the delivery's identity. */
  index: number
  /** Counts the deliveries ever owed to this sink, from 1, without a gap: the ledger's spine. */
  ordinal: number
}

/** Totals of what was ever owed, by sink and rule, recovered from the journal. */
export interface OwedTally {
  messages: number
  /** Payload bytes. */
  bytes: number
  byRule: Record<string, number>
}

/** The sink that keeps what the rules refused; its deliveries become dead letters. */
export const deadLetterSink = '$dead-letters'

/** Whether a dead letter is what a rule had gathered, and not a message as someone published it. */
export const isGatheredLetter = ({ sink, options }: Owed): boolean =>
  sink === deadLetterSink && options?.['gathered'] === true

/** What the journal tells about itself; the same shape as the JournalReport of `telemetry/report`. */
export interface JournalReport {
  state: 'writing' | 'failing' | 'full'
  error: string | null
  bytes: number
  maxBytes: number
  segments: number
  /** Time of the oldest record that may still be owed; null when nothing is. *Unit*: ms since the epoch. */
  oldestMs: number | null
  durable: number
  commits: number
  appended: number
}

/** Deliveries and payload bytes ever owed to one sink. */
export interface OwedTotal {
  messages: number
  bytes: number
}
