import type { BridgeReport, LinkReport, SinkNumbers } from '../bridge/report.ts'
import { connectorReport, ruleLedgers } from '../bridge/report.ts'
import type { CompiledRule } from '../engine/compile.ts'
import { noteRule, stateSink } from '../flow/state-notes.ts'
import { deadLetterSink, type OwedTally } from '../journal/port.ts'
import {
  addLedger,
  type ConnectorReport,
  emptyLedger,
  type Ledger,
  type RuleReport,
  type RuleStateReport,
} from '../telemetry/report.ts'

/**
 * Every connector of the configuration, and every other that the journal still owes something. Dead letters are a column,
 * and a row only when they cannot be kept, so that someone learns of it.
 */
export function connectorReports(
  bridge: BridgeReport,
  tally: Readonly<Record<string, OwedTally>>,
  droppedNewest: ReadonlyMap<string, number> = new Map(),
): ConnectorReport[] {
  return bridge.connectors
    .filter(({ name, why, lastError }) => name !== deadLetterSink || (why !== null && lastError !== null))
    .map((link) => connectorReport(link, link.sink === null ? null : (tally[link.name] ?? nothingOwed)))
    .filter(({ state, ledger }) => state !== 'not-configured' || ledger.pending !== 0 || ledger.unaccounted !== 0)
    .map((report) => withDropped(report, droppedNewest.get(report.name) ?? 0))
}

/** What a full buffer kept out never came to the connector thread. */
function withDropped(report: ConnectorReport, newest: number): ConnectorReport {
  if (newest === 0) return report
  const { ledger, dropped } = report
  return {
    ...report,
    dropped: { ...dropped, 'drop-newest': newest },
    ledger: { ...ledger, received: ledger.received + newest, dropped: ledger.dropped + newest },
  }
}

/** Two counts by name as one. */
export function addCounts(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  if (other.size === 0) return one
  const sum = new Map(one)
  for (const [name, count] of other) sum.set(name, (sum.get(name) ?? 0) + count)
  return sum
}

/**
 * The ledger of each rule: what the journal owes by it against what the outbox has settled, and what never reached the
 * journal (filtered, refused and dropped, published to subscribers only) as the rules count it. `lost`: taken, promised
 * to nobody, and gone with a write that failed or before a full buffer. What rules gather is owed to the state: absorbed.
 */
export function ruleReports(
  rules: readonly Pick<CompiledRule, 'name' | 'counters'>[],
  links: readonly LinkReport[],
  tally: Readonly<Record<string, OwedTally>>,
  lost: ReadonlyMap<string, number>,
  states: ReadonlyMap<string, RuleStateReport> = new Map(),
): RuleReport[] {
  const parts: { sink: SinkNumbers; tally: OwedTally }[] = []
  for (const [name, owed] of Object.entries(tally)) {
    if (name === stateSink) continue
    const sink = links.find((link) => link.name === name)?.sink ?? nothingSettled
    parts.push({ sink, tally: owed })
  }
  const ledgers = ruleLedgers(parts)
  for (const { name, counters } of rules) {
    const ledger = ledgers.get(name) ?? emptyLedger()
    ledgers.set(name, ledger)
    ledger.received += counters.filtered + counters.refused + counters.published
    ledger.filtered += counters.filtered
    ledger.refused += counters.refused
    ledger.delivered += counters.published
  }
  for (const [name, absorbed] of Object.entries(tally[stateSink]?.byRule ?? {})) {
    if (name === noteRule) continue
    const ledger = ledgers.get(name) ?? emptyLedger()
    ledgers.set(name, ledger)
    ledger.received += absorbed
    ledger.absorbed += absorbed
  }
  for (const [name, claims] of lost) {
    if (name === noteRule) continue
    const ledger = ledgers.get(name) ?? emptyLedger()
    ledgers.set(name, ledger)
    ledger.received += claims
    ledger.dropped += claims
  }
  return [...ledgers]
    .map(([name, ledger]) => ({ name, ledger, state: states.get(name) ?? null }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * The whole hub's ledger: the rules' added up; what the sinks cannot account for is not pending. `looped`: came back to this
 * hub, and was dropped before any rule saw it.
 */
export function hubLedger(rules: readonly RuleReport[], links: readonly LinkReport[], looped = 0): Ledger {
  const total = rules.reduce((sum, { ledger }) => addLedger(sum, ledger), emptyLedger())
  total.unaccounted = links.reduce((sum, { sink }) => sum + (sink?.unaccounted ?? 0), 0)
  total.pending -= total.unaccounted
  total.received += looped
  total.dropped += looped
  return total
}

const nothingOwed: OwedTally = { messages: 0, bytes: 0, byRule: {} }

/** For a sink the connector thread has not told of yet: all it is owed is pending. */
const nothingSettled: SinkNumbers = {
  settled: 0,
  settledBytes: 0,
  byRule: {},
  drops: {},
  held: 0,
  lastOrdinal: 0,
  unaccounted: 0,
  oldestMs: null,
}
