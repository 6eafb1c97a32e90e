import { Counter, Gauge, Registry } from 'prom-client'
import type { EventCounts } from './events.ts'
import { type ProcessUsage, readProcessUsage } from './process.ts'
import type { ConnectorState, HubReport, JournalReport, Ledger, RuleStateReport } from './report.ts'

/** Each state once, so that a metric exists for each; a state that is missing here does not compile. */
const connectorStates = Object.keys({
  starting: 0,
  connected: 0,
  retrying: 0,
  failing: 0,
  paused: 0,
  stopped: 0,
  'not-configured': 0,
} satisfies Record<ConnectorState, 0>)

const journalStates = Object.keys({ writing: 0, failing: 0, full: 0 } satisfies Record<JournalReport['state'], 0>)

/** Columns of the ledger that only grow; `pending` and `unaccounted` are gauges. */
const grown = [
  'received',
  'delivered',
  'filtered',
  'refused',
  'absorbed',
  'deadLettered',
  'dropped',
  'expired',
] as const
const fate = (column: keyof Ledger) => (column === 'deadLettered' ? 'dead_lettered' : column)

type Labels = Record<string, string>

/**
 * The metrics text of `/metrics`, made at each scrape from a HubReport and the event counters.
 *
 * It counts nothing itself: what it shows is what `trestle status` shows. Labels are names from the configuration
 * (rule, connector), never clients or topics, so that the number of series is bounded by what the operator wrote.
 */
export class Metrics {
  readonly #readUsage: () => ProcessUsage

  constructor(readUsage: () => ProcessUsage = readProcessUsage) {
    this.#readUsage = readUsage
  }

  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'

  async render(report: HubReport, events?: EventCounts): Promise<string> {
    const page = new MetricsPage()
    page.gauge('trestle_info', 'Version of the hub', 1, { version: report.version, hub: report.hub })
    page.gauge('trestle_start_time_seconds', 'Start of the hub', report.startedMs / 1000)
    addBroker(page, report)
    addLedgers(page, report)
    addConnectors(page, report)
    addJournal(page, report)
    for (const [name, { label, values }] of events ?? []) {
      for (const [value, count] of values) page.counter(name, 'Events', count, label === null ? {} : { [label]: value })
    }
    addProcess(page, this.#readUsage())
    return page.text()
  }
}

/** One scrape's series. A registry of its own each time: a connector that is gone leaves no stale series behind. */
class MetricsPage {
  readonly #registry = new Registry()

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#metric(Gauge, name, help, labels).inc(labels, value)
  }

  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#metric(Counter, name, help, labels).inc(labels, Math.max(0, value))
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #metric<M extends Gauge | Counter>(
    Made: new (options: { name: string; help: string; labelNames: string[]; registers: Registry[] }) => M,
    name: string,
    help: string,
    labels: Labels,
  ): M {
    const known = this.#registry.getSingleMetric(name)
    if (known !== undefined) return known as M
    return new Made({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] })
  }
}

function addBroker(page: MetricsPage, { broker }: HubReport): void {
  page.gauge('trestle_connections', 'Open MQTT connections', broker.connections)
  page.gauge('trestle_sessions', 'MQTT sessions, connected or not', broker.sessions)
  page.gauge('trestle_subscriptions', 'Subscriptions', broker.subscriptions)
  page.counter('trestle_messages_received_total', 'Messages published to the hub', broker.received)
  page.counter('trestle_messages_sent_total', 'Messages sent to subscribers', broker.sent)
  for (const [reason, count] of Object.entries(broker.dropped)) {
    page.counter('trestle_subscriber_dropped_total', 'Messages not handed to a subscriber', count, { reason })
  }
}

function addLedgers(page: MetricsPage, report: HubReport): void {
  page.gauge('trestle_unaccounted', 'Messages the ledger cannot account for; always 0', report.ledger.unaccounted)
  for (const { name, ledger, state } of report.rules) {
    addLedger(page, 'rule', name, ledger)
    if (state !== null) addState(page, name, state)
  }
  for (const { name, ledger } of report.connectors) addLedger(page, 'connector', name, ledger)
}

function addLedger(page: MetricsPage, kind: 'rule' | 'connector', name: string, ledger: Ledger): void {
  const labels = { [kind]: name }
  for (const column of grown) {
    page.counter(`trestle_${kind}_${fate(column)}_total`, `Ledger: ${fate(column)}`, ledger[column], labels)
  }
  page.gauge(`trestle_${kind}_pending`, 'Ledger: pending', ledger.pending, labels)
  page.gauge(`trestle_${kind}_unaccounted`, 'Ledger: unaccounted; always 0', ledger.unaccounted, labels)
}

function addState(page: MetricsPage, rule: string, { keys, bytes, evicted, early, late }: RuleStateReport): void {
  page.gauge('trestle_rule_state_keys', 'Keys and open windows a rule keeps', keys, { rule })
  page.gauge('trestle_rule_state_bytes', 'What they weigh, as estimated', bytes, { rule })
  page.counter('trestle_rule_state_evicted_total', 'Keys forgotten because of a bound', evicted, { rule })
  page.counter('trestle_rule_state_early_total', 'Windows closed early because of a bound', early, { rule })
  page.counter('trestle_rule_state_late_total', 'Messages that came after their window', late, { rule })
}

function addConnectors(page: MetricsPage, report: HubReport): void {
  for (const { name: connector, type, state, waiting, ...rest } of report.connectors) {
    for (const each of connectorStates) {
      const value = each === state ? 1 : 0
      page.gauge('trestle_connector_state', '1 for the state it is in', value, { connector, type, state: each })
    }
    page.counter('trestle_connector_attempts_failed_total', 'Attempts that failed', rest.retries, { connector })
    page.gauge('trestle_connector_dead_letters', 'Dead letters kept', rest.deadLetters, { connector })
    for (const [reason, count] of Object.entries(rest.dropped)) {
      page.counter('trestle_connector_drops_total', 'Deliveries that were dropped', count, { connector, reason })
    }
    if (waiting === null) continue
    const ageSeconds = waiting.oldestMs === null ? 0 : Math.max(0, report.nowMs - waiting.oldestMs) / 1000
    page.gauge('trestle_connector_waiting_messages', 'Messages that wait', waiting.messages, { connector })
    page.gauge('trestle_connector_waiting_bytes', 'Payload bytes that wait', waiting.bytes, { connector })
    page.gauge('trestle_connector_waiting_oldest_seconds', 'Age of the oldest that waits', ageSeconds, { connector })
  }
}

function addJournal(page: MetricsPage, { journal, nowMs }: HubReport): void {
  for (const state of journalStates) {
    page.gauge('trestle_journal_state', '1 for the state it is in', journal.state === state ? 1 : 0, { state })
  }
  page.gauge('trestle_journal_bytes', 'Size of the journal', journal.bytes)
  page.gauge('trestle_journal_max_bytes', 'Limit of the journal', journal.maxBytes)
  page.gauge('trestle_journal_segments', 'Segments of the journal', journal.segments)
  page.gauge('trestle_journal_durable_position', 'Last position that is on disk', journal.durable)
  const ageSeconds = journal.oldestMs === null ? 0 : Math.max(0, nowMs - journal.oldestMs) / 1000
  page.gauge('trestle_journal_oldest_seconds', 'Age of the oldest record', ageSeconds)
  page.counter('trestle_journal_commits_total', 'Group commits', journal.commits)
  page.counter('trestle_journal_appended_total', 'Records appended', journal.appended)
}

function addProcess(page: MetricsPage, usage: ProcessUsage): void {
  page.counter('process_cpu_user_seconds_total', 'User CPU of all threads', usage.cpuUserSeconds)
  page.counter('process_cpu_system_seconds_total', 'System CPU of all threads', usage.cpuSystemSeconds)
  page.counter('process_cpu_seconds_total', 'CPU of all threads', usage.cpuUserSeconds + usage.cpuSystemSeconds)
  page.gauge('process_resident_memory_bytes', 'Resident memory', usage.rssBytes)
  page.gauge('nodejs_heap_size_used_bytes', 'Heap of the main thread', usage.heapUsedBytes)
  page.gauge('process_start_time_seconds', 'Start of the process', usage.startSeconds)
  page.gauge('nodejs_eventloop_utilization', 'Busy share of the main thread', usage.loopUtilization)
}
