import type { Message, Owed } from '../contract/message.ts'

/**
 * The shapes in which the hub tells what it is doing. The API answers them, `trestle status` draws them, tests read them.
 * All times are ms since the epoch, all sizes bytes, all rates per second.
 */

/**
 * received = delivered + filtered + refused + absorbed + deadLettered + dropped + expired + pending; `unaccounted` is what is
 * missing. `absorbed`: gathered by a rule; what it makes of them is received once more.
 */
export interface Ledger {
  received: number
  delivered: number
  filtered: number
  refused: number
  absorbed: number
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

/** The sink or one source of a connector by itself. */
export interface WayReport {
  kind: 'sink' | 'source'
  /** `sink`, `source`, or `source 2` of several. */
  name: string
  state: ConnectorState
  sinceMs: number
  why: string | null
  /** Messages settled, or taken in. */
  perS: number
  retries: number
  lastError: LastError | null
}

export interface ConnectorReport {
  name: string
  type: string
  state: ConnectorState
  sinceMs: number
  /** Why it is in this state, in one clause; null when there is nothing to explain. */
  why: string | null
  /** null for a connector without sources. */
  inPerS: number | null
  /** null for a connector without a sink. */
  outPerS: number | null
  /** null for a connector without a sink. */
  waiting: { messages: number; bytes: number; oldestMs: number | null } | null
  retries: number
  deadLetters: number
  lastError: LastError | null
  /** Deliveries that were dropped, by reason. */
  dropped: Record<string, number>
  ways: WayReport[]
  ledger: Ledger
}

export interface RuleReport {
  name: string
  ledger: Ledger
  /** null for a rule that keeps nothing. */
  state: RuleStateReport | null
}

/** What a rule keeps per key, and what its bounds have done since the start. */
export interface RuleStateReport {
  /** Keys known, and windows being filled. */
  keys: number
  /** As estimated. */
  bytes: number
  /** Keys forgotten because of a bound: a message of each may have passed once more. */
  evicted: number
  /** Windows closed early because of a bound. */
  early: number
  /** Messages that came when their window was closed, and count in the next. */
  late: number
  /** When the next window is due; null when none is being filled. */
  nextMs: number | null
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

/** One line of the dead letters: what could not be delivered, for whom and why. */
export interface DeadLetterSummary {
  /** Its identity in this hub: `<position>-<index>`. */
  id: string
  sink: string
  rule: string
  /** When it was given up. */
  timeMs: number
  error: { code: string; message: string }
  attempts: number
  topic: string
  client: string
  target: string | null
  key: string | null
  /** Payload as it was published. */
  sizeBytes: number
}

/** A dead letter with all that is needed to send it again: the message as published, and as the rule shaped it. */
export interface DeadLetter extends DeadLetterSummary {
  message: Message
  owed: Owed
}

export const emptyLedger = (): Ledger => ({
  received: 0,
  delivered: 0,
  filtered: 0,
  refused: 0,
  absorbed: 0,
  deadLettered: 0,
  dropped: 0,
  expired: 0,
  pending: 0,
  unaccounted: 0,
})

/** The columns in which a message of the ledger may end or wait, in the order in which they are told. */
export const ledgerFates = [
  'delivered',
  'filtered',
  'refused',
  'absorbed',
  'deadLettered',
  'dropped',
  'expired',
  'pending',
] as const

/** True when the ledger's promise holds: every message received is in exactly one column. */
export const ledgerBalances = (ledger: Ledger): boolean =>
  ledger.unaccounted === 0 && ledger.received === ledgerFates.reduce((sum, column) => sum + ledger[column], 0)

/** A connector that is up, or that someone has put on hold on purpose. */
export const connectorIsFine = (connector: ConnectorReport): boolean =>
  connector.state === 'connected' || connector.state === 'paused'

/** True when nothing needs a look: every connector fine, the journal written, the ledger balanced. */
export const hubIsFine = (report: HubReport): boolean =>
  report.connectors.every(connectorIsFine) && report.journal.state === 'writing' && ledgerBalances(report.ledger)

/** Adds `part` to `sum`, column by column, and returns `sum`. */
export function addLedger(sum: Ledger, part: Ledger): Ledger {
  for (const column of Object.keys(part) as (keyof Ledger)[]) sum[column] += part[column]
  return sum
}
