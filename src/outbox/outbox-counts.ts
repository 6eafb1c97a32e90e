import type { TrestleError } from '../contract/error.ts'
import type { FateCounts } from './cursor.ts'

/** What an outbox counts; all since the first start of the hub, but `held`. */
export interface OutboxCounts {
  settled: number
  settledBytes: number
  byRule: Record<string, FateCounts>
  /** Dropped ones by reason. */
  drops: Record<string, number>
  /** Deliveries in memory. */
  held: number
  lastOrdinal: number
  /** Read, not settled and not held: must be 0. */
  unaccounted: number
  /** Order keys that wait to be sent again. */
  keysInTrouble: number
  /** No more fits into memory: until some of what is held is settled, nothing new is read. */
  full: boolean
  /** Dead letters that could not be stored yet. */
  parked: number
  /** Arrival of the oldest that is held. *Unit*: ms since the epoch. */
  oldestMs: number | null
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
