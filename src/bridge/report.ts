import type { OwedTally } from '../journal/port.ts'
import type { FateCounts } from '../outbox/cursor.ts'
import {
  type ConnectorReport,
  type ConnectorState,
  emptyLedger,
  type LastError,
  type Ledger,
  type WayReport,
} from '../telemetry/report.ts'

/** What the connector thread knows of one connector; with the journal's tally it becomes a ConnectorReport. */
export interface LinkReport {
  name: string
  type: string
  state: ConnectorState
  sinceMs: number
  why: string | null
  /** null for a connector without sources. */
  inPerS: number | null
  outPerS: number
  retries: number
  deadLetters: number
  lastError: LastError | null
  ways: WayReport[]
  /** null for a connector without a sink. */
  sink: SinkNumbers | null
}

export interface SinkNumbers {
  settled: number
  settledBytes: number
  byRule: Record<string, FateCounts>
  /** Dropped ones by reason. */
  drops: Record<string, number>
  held: number
  lastOrdinal: number
  unaccounted: number
  oldestMs: number | null
}

export interface ThreadReport {
  state: 'starting' | 'running' | 'blocked' | 'restarting' | 'stopped'
  why: string | null
  sinceMs: number
  restarts: number
}

/** The last that is known of all connectors. */
export interface BridgeReport {
  thread: ThreadReport
  connectors: LinkReport[]
}

/** Before the thread has first answered. */
export const unknownYet = (name: string, type: string | null): LinkReport => ({
  name,
  type: type ?? 'none',
  state: 'starting',
  sinceMs: Date.now(),
  why: null,
  inPerS: 0,
  outPerS: 0,
  retries: 0,
  deadLetters: 0,
  lastError: null,
  ways: [],
  sink: null,
})

/** What was last known of a connector whose thread does not answer. */
export function outOfReach(known: LinkReport, thread: ThreadReport): LinkReport {
  const inPerS = known.inPerS === null ? null : 0
  const still = { ...known, sinceMs: thread.sinceMs, inPerS, outPerS: 0 }
  if (thread.state === 'stopped') return { ...still, state: 'stopped', why: null }
  const restarting = thread.state === 'restarting'
  return {
    ...still,
    state: 'failing',
    why: restarting ? `connector thread ended and is started again: ${thread.why}` : thread.why,
  }
}

/** The ledger of one sink: what the journal owes it by `tally`, against what the connector thread has settled. */
export function sinkLedger(sink: SinkNumbers, tally: OwedTally): Ledger {
  const ledger = emptyLedger()
  ledger.received = tally.messages
  for (const counts of Object.values(sink.byRule)) addFates(ledger, counts)
  ledger.unaccounted = sink.unaccounted
  ledger.pending = pendingOf(ledger)
  return ledger
}

/** What of the claims of each rule became; `filtered` and `refused` are the flow's to add. */
export function ruleLedgers(
  parts: readonly { sink: SinkNumbers; tally: OwedTally }[],
  ledgers: Map<string, Ledger> = new Map(),
): Map<string, Ledger> {
  const ledgerOf = (rule: string): Ledger => {
    const known = ledgers.get(rule) ?? emptyLedger()
    ledgers.set(rule, known)
    return known
  }
  for (const { sink, tally } of parts) {
    for (const [rule, messages] of Object.entries(tally.byRule)) ledgerOf(rule).received += messages
    for (const [rule, counts] of Object.entries(sink.byRule)) addFates(ledgerOf(rule), counts)
  }
  for (const ledger of ledgers.values()) ledger.pending = pendingOf(ledger)
  return ledgers
}

/** Completes what the connector thread told with what the journal knows; `tally` null for one without a sink. */
export function connectorReport(link: LinkReport, tally: OwedTally | null): ConnectorReport {
  const { sink, ...told } = link
  if (sink === null || tally === null) return { ...told, waiting: null, dropped: {}, ledger: emptyLedger() }
  const ledger = sinkLedger(sink, tally)
  const waiting = {
    messages: Math.max(0, ledger.pending),
    bytes: Math.max(0, tally.bytes - sink.settledBytes),
    oldestMs: ledger.pending > 0 ? sink.oldestMs : null,
  }
  return { ...told, waiting, dropped: { ...sink.drops }, ledger }
}

const addFates = (ledger: Ledger, counts: FateCounts): void => {
  ledger.delivered += counts.delivered
  ledger.deadLettered += counts.deadLettered
  ledger.dropped += counts.dropped
  ledger.expired += counts.expired
}

const pendingOf = (ledger: Ledger): number =>
  ledger.received - ledger.delivered - ledger.deadLettered - ledger.dropped - ledger.expired - ledger.unaccounted
