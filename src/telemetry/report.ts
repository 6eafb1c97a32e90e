/**
 * The shapes in which the hub tells what it is doing. The API answers them, `trestle status` draws them, tests read them.
 * All times are ms since the epoch, all sizes bytes, all rates per second.
 */

/** received = delivered + filtered + refused + deadLettered + dropped + expired + pending; `unaccounted` is what is missing. */
export interface Ledger {
  received: number
  delivered: number
  filtered: number
  refused: number
  deadLettered: number
  dropped: number
  expired: number
  pending: number
  unaccounted: number
}

export type ConnectorState = 'starting' | 'connected' | 'retrying' | 'failing' | 'paused' | 'stopped' | 'not-configured'

export interface LastError {
  code: string
  message: string
  timeMs: number
  /** When the next try is due; null when none is planned. */
  nextTryMs: number | null
}

export interface ConnectorReport {
  name: string
  type: string
  state: ConnectorState
  sinceMs: number
  /** Why it is in this state, in one clause; null when there is nothing to explain. */
  why: string | null
  inPerS: number
  outPerS: number
  /** null for a connector without a sink. */
  waiting: { messages: number; bytes: number; oldestMs: number | null } | null
  retries: number
  deadLetters: number
  lastError: LastError | null
  ledger: Ledger
}

export interface RuleReport {
  name: string
  ledger: Ledger
}

export interface JournalReport {
  state: 'writing' | 'failing' | 'full'
  error: string | null
  bytes: number
  maxBytes: number
  segments: number
  oldestMs: number | null
  /** Last position that is back from disk. */
  durable: number
  commits: number
  appended: number
}

export interface BrokerReport {
  connections: number
  sessions: number
  subscriptions: number
  receivedPerS: number
  sentPerS: number
  received: number
  sent: number
  /** Messages not handed to a subscriber, by reason. */
  dropped: Record<string, number>
}

export interface HubReport {
  version: string
  hub: string
  host: string
  startedMs: number
  nowMs: number
  journal: JournalReport
  broker: BrokerReport
  connectors: ConnectorReport[]
  rules: RuleReport[]
  ledger: Ledger
}

export const emptyLedger = (): Ledger => ({
  received: 0,
  delivered: 0,
  filtered: 0,
  refused: 0,
  deadLettered: 0,
  dropped: 0,
  expired: 0,
  pending: 0,
  unaccounted: 0,
})

/** Adds `part` to `sum`, column by column, and returns `sum`. */
export function addLedger(sum: Ledger, part: Ledger): Ledger {
  for (const column of Object.keys(part) as (keyof Ledger)[]) sum[column] += part[column]
  return sum
}
