import { join } from 'node:path'
import type { RuleSet } from '../engine/rule-set.ts'
import { carryOver, limitTogether } from '../engine/state/carry-over.ts'
import type { StateTable } from '../engine/state/state.ts'
import { StateKeeper } from '../flow/state-keeper.ts'
import { stateSink } from '../flow/state-notes.ts'
import { WindowCloser } from '../flow/window-closer.ts'
import type { Flow } from '../flow.ts'
import type { Journal } from '../journal/journal.ts'
import type { Events } from '../telemetry/events.ts'
import type { RuleStateReport } from '../telemetry/report.ts'

/** The rooms it stands between. */
export interface RuleStateOptions {
  /** The hub's data folder. */
  readonly data: string
  readonly journal: Journal
  readonly flow: Flow
  readonly events: Events
  /** What the states of all rules may weigh together. */
  readonly maxBytes: number
}

/**
 * What the rules of a running hub keep: read back at the start, on disk while it runs, handed on at a reload, its windows
 * closed in time. It holds back the journal's release for what only the journal has.
 */
export class RuleState {
  readonly #options: RuleStateOptions
  readonly #keeper: StateKeeper
  readonly #closer: WindowCloser
  #rules: RuleSet
  /** What the sinks need of the journal no more. */
  #settled = 0

  constructor(options: RuleStateOptions, rules: RuleSet) {
    const { data, events, flow, journal } = options
    this.#options = options
    this.#rules = rules
    this.#keeper = new StateKeeper({
      folder: join(data, 'state'),
      journalFolder: join(data, 'journal'),
      hub: journal.hub,
      tail: journal.tail,
      owed: () => journal.tally()[stateSink]?.messages ?? 0,
      onLowWater: () => this.#release(),
      onError: (error) => events.emit('state.failing', { error: error.message }),
    })
    this.#closer = new WindowCloser({ emitter: flow, now: Date.now, isReady: () => this.#keeper.isReady })
    flow.onChanged = (position) => this.#keeper.changed(position)
    flow.onRules = (next) => this.#replace(next)
  }

  /** Reads back what was kept. Before any message is taken. *Errors*: E502, E503. */
  async open(): Promise<void> {
    const { events, maxBytes } = this.#options
    const { rules } = this.#rules
    limitTogether(rules, maxBytes)
    const { keys, replayed, orphans } = await this.#keeper.open(rules)
    if (keys > 0 || replayed > 0) events.emit('state.restored', { keys, replayed })
    for (const { id, keys: windows } of orphans) events.emit('state.orphaned', { window: id.split('#')[0], windows })
    this.#closer.use(rules, [], orphans)
  }

  /** Other rules take the place of these, between two messages: what they keep alike goes on. */
  #replace(next: RuleSet): void {
    limitTogether(next.rules, this.#options.maxBytes)
    const left = carryOver(this.#rules.rules, next.rules)
    this.#rules = next
    this.#keeper.use(
      next.rules,
      left.map(({ table }) => table),
    )
    this.#closer.use(next.rules, left)
  }

  /** The journal could not write: before anyone hears of it. */
  forgetUnwritten(): void {
    void this.#keeper.forgetUnwritten().then((orphans) => this.#closer.use(this.#rules.rules, [], orphans))
  }

  /** No sink needs a record up to `position`. */
  settled(position: number): void {
    this.#settled = position
    this.#release()
  }

  /** What each rule keeps, by its name; of those that keep something. */
  report(): ReadonlyMap<string, RuleStateReport> {
    const reports = new Map<string, RuleStateReport>()
    for (const { name, state } of this.#rules.rules) if (state !== null) reports.set(name, reportOf(state.tables))
    return reports
  }

  /** No more windows are closed. */
  stop(): void {
    this.#closer.close()
  }

  /** Writes what there is; the journal must be open still. */
  close(): Promise<void> {
    return this.#keeper.close()
  }

  #release(): void {
    this.#options.journal.release(Math.min(this.#settled, this.#keeper.lowWater))
  }
}

function reportOf(tables: readonly StateTable[]): RuleStateReport {
  const report: RuleStateReport = { keys: 0, bytes: 0, evicted: 0, early: 0, late: 0, nextMs: null }
  for (const table of tables) {
    report.keys += table.keys
    report.bytes += table.bytes
    if (table.kind === 'filter') report.evicted += table.evicted
    else {
      report.early += table.early
      report.late += table.late
      if (table.dueMs !== Number.POSITIVE_INFINITY) report.nextMs = table.dueMs
    }
  }
  return report
}
