import type { TrestleError } from '../contract/error.ts'
import { deadLetterSink } from '../journal/port.ts'
import type { Outbox, OutboxCounts } from '../outbox/outbox.ts'
import { Rate } from '../telemetry/rate.ts'
import type { LastError } from '../telemetry/report.ts'
import type { ConnectorSettings } from './boundary.ts'
import type { Dispatch } from './dispatch.ts'
import type { SourceLoop } from './intake.ts'
import type { Link, LinkState } from './link.ts'
import type { LinkReport } from './report.ts'

/** What runs for one connector: its sink's loop, its sources' loops, and what can be said of them. */
export class Station {
  readonly settings: ConnectorSettings
  /** null when the connector has no sink, or its cursor could not be opened (`fault`). */
  outbox: Outbox | null = null
  dispatch: Dispatch | null = null
  sources: SourceLoop[] = []
  /** The sink's first, then one per source. */
  links: Link[] = []
  fault: TrestleError | null = null
  readonly #sinceMs: number
  readonly #in = new Rate()
  readonly #out = new Rate()

  constructor(settings: ConnectorSettings, nowMs: number) {
    this.settings = settings
    this.#sinceMs = nowMs
  }

  start(): void {
    this.dispatch?.start()
    for (const source of this.sources) source.start()
  }

  pause(): void {
    this.dispatch?.pause()
    for (const source of this.sources) source.pause()
  }

  resume(): void {
    this.dispatch?.resume()
    for (const source of this.sources) source.resume()
  }

  async stop(): Promise<void> {
    await Promise.all([this.dispatch?.stop(), ...this.sources.map((source) => source.stop())])
  }

  /** Takes the counters down for the rates; called about once a second. */
  sample(nowMs: number): void {
    this.#out.sample(this.outbox?.settledCount ?? 0, nowMs)
    this.#in.sample(this.#taken(), nowMs)
  }

  report(deadLetters: number, nowMs: number): LinkReport {
    const counts = this.outbox?.counts() ?? null
    const link = worst(this.links)
    return {
      name: this.settings.name,
      type: this.settings.type ?? (this.settings.name === deadLetterSink ? 'dead-letters' : 'none'),
      ...this.#standing(link, counts, nowMs),
      inPerS: this.sources.length === 0 ? null : this.#in.perSecond(this.#taken(), nowMs),
      outPerS: this.#out.perSecond(this.outbox?.settledCount ?? 0, nowMs),
      retries: this.links.reduce((sum, { retries }) => sum + retries, 0),
      deadLetters,
      sink: counts === null ? null : sinkNumbers(counts),
    }
  }

  #standing(
    link: Link | null,
    counts: OutboxCounts | null,
    nowMs: number,
  ): Pick<LinkReport, 'state' | 'sinceMs' | 'why' | 'lastError'> {
    if (this.fault !== null) {
      const { code, detail, message } = this.fault
      const lastError: LastError = { code, message, timeMs: this.#sinceMs, nextTryMs: null }
      const why = detail.advice === undefined ? message : `${message}: ${detail.advice}`
      return { state: 'failing', sinceMs: this.#sinceMs, why, lastError }
    }
    if (link === null) {
      const why = this.settings.type === null ? 'the configuration does not name it; what it is owed is kept' : null
      return { state: 'not-configured', sinceMs: this.#sinceMs, why, lastError: null }
    }
    const { sinceMs, lastError } = link
    // A sink whose dead letters cannot be kept stands still sooner or later: `trestle status` must not call that well.
    const state = link.state === 'connected' && (counts?.parked ?? 0) > 0 ? 'failing' : link.state
    const overdue = lastError?.nextTryMs != null && lastError.nextTryMs < nowMs
    const shown = overdue ? { ...lastError, nextTryMs: this.outbox?.nextDueMs ?? null } : lastError
    return { state, sinceMs, why: link.why ?? trouble(counts, lastError), lastError: shown }
  }

  #taken(): number {
    return this.sources.reduce((sum, { taken }) => sum + taken, 0)
  }
}

/** Why messages wait although the connection stands. */
const trouble = (counts: OutboxCounts | null, lastError: LastError | null): string | null => {
  if (counts === null) return null
  if (counts.unaccounted !== 0) return `${counts.unaccounted} deliveries are not accounted for`
  if (counts.parked > 0) return `${counts.parked} dead letters cannot be stored: ${lastError?.message}`
  if (counts.keysInTrouble > 0) return `${counts.keysInTrouble} order keys wait to be sent again: ${lastError?.message}`
  return null
}

const sinkNumbers = (counts: OutboxCounts): LinkReport['sink'] => ({
  settled: counts.settled,
  settledBytes: counts.settledBytes,
  byRule: counts.byRule,
  held: counts.held,
  lastOrdinal: counts.lastOrdinal,
  unaccounted: counts.unaccounted,
  oldestMs: counts.oldestMs,
})

const badness: readonly LinkState[] = ['connected', 'stopped', 'paused', 'starting', 'retrying', 'failing']

/** A connector is as well as the worst of its links. */
const worst = (links: readonly Link[]): Link | null =>
  links.reduce<Link | null>(
    (bad, link) => (bad === null || badness.indexOf(link.state) > badness.indexOf(bad.state) ? link : bad),
    null,
  )
