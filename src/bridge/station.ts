import type { TrestleError } from '../contract/error.ts'
import { deadLetterSink } from '../journal/port.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { OutboxCounts } from '../outbox/outbox-counts.ts'
import { Rate } from '../telemetry/rate.ts'
import type { LastError, WayReport } from '../telemetry/report.ts'
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
  /** null without a sink that runs. */
  sinkLink: Link | null = null
  fault: TrestleError | null = null
  /** Says to main how much is settled. */
  tellSettled: () => void = () => {}
  /** Payload bytes that are owed and not settled; null when that cannot be told cheaply. */
  owedBytes: (() => number) | null = null
  readonly #sinceMs: number
  readonly #in: Rate[] = []
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

  /** Makes room in a buffer that drops its oldest. */
  trim(): void {
    const { buffer } = this.settings
    if (buffer?.whenFull !== 'drop-oldest' || this.owedBytes === null || this.outbox === null) return
    const excessBytes = this.owedBytes() - buffer.maxBytes
    if (excessBytes <= 0 || this.outbox.dropOldest(excessBytes) === 0) return
    this.tellSettled()
  }

  /** Takes the counters down for the rates; called about once a second. */
  sample(nowMs: number): void {
    this.#out.sample(this.outbox?.settledCount ?? 0, nowMs)
    for (const [at, { taken }] of this.sources.entries()) this.#rateIn(at).sample(taken, nowMs)
  }

  report(deadLetters: number, nowMs: number): LinkReport {
    const counts = this.outbox?.counts() ?? null
    const links = [...(this.sinkLink === null ? [] : [this.sinkLink]), ...this.sources.map(({ link }) => link)]
    const inPerS = this.sources.map(({ taken }, at) => this.#rateIn(at).perSecond(taken, nowMs))
    return {
      name: this.settings.name,
      type: this.settings.type ?? (this.settings.name === deadLetterSink ? 'dead-letters' : 'none'),
      ...this.#standing(worst(links), counts, nowMs),
      inPerS: inPerS.length === 0 ? null : inPerS.reduce((sum, rate) => sum + rate, 0),
      outPerS: this.#out.perSecond(this.outbox?.settledCount ?? 0, nowMs),
      retries: links.reduce((sum, { retries }) => sum + retries, 0),
      deadLetters,
      ways: this.#ways(inPerS, nowMs),
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

  /** The sink and each source by itself. */
  #ways(inPerS: readonly number[], nowMs: number): WayReport[] {
    const ways: WayReport[] = []
    if (this.sinkLink !== null) {
      const perS = this.#out.perSecond(this.outbox?.settledCount ?? 0, nowMs)
      ways.push(wayOf('sink', 'sink', this.sinkLink, perS))
    }
    for (const [at, { link }] of this.sources.entries()) {
      ways.push(wayOf('source', this.sources.length === 1 ? 'source' : `source ${at + 1}`, link, inPerS[at]!))
    }
    return ways
  }

  #rateIn(at: number): Rate {
    this.#in[at] ??= new Rate()
    return this.#in[at]
  }
}

const wayOf = (kind: WayReport['kind'], name: string, link: Link, perS: number): WayReport => {
  const { state, sinceMs, why, retries, lastError } = link
  return { kind, name, state, sinceMs, why, retries, lastError, perS }
}

/** Why messages wait although the connection stands. */
const trouble = (counts: OutboxCounts | null, lastError: LastError | null): string | null => {
  if (counts === null) return null
  if (counts.unaccounted !== 0) return `${counts.unaccounted} deliveries are not accounted for`
  if (counts.parked > 0) return `${counts.parked} dead letters cannot be stored: ${lastError?.message}`
  if (counts.keysInTrouble > 0) {
    const others = counts.full ? ' and hold the others, as no more fits into memory' : ''
    return `${counts.keysInTrouble} order keys wait to be sent again${others}: ${lastError?.message}`
  }
  return null
}

const sinkNumbers = (counts: OutboxCounts): LinkReport['sink'] => ({
  settled: counts.settled,
  settledBytes: counts.settledBytes,
  byRule: counts.byRule,
  drops: counts.drops,
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
