import type { TrestleError } from '../contract/error.ts'
import type { EventName } from '../telemetry/events.ts'
import type { LastError } from '../telemetry/report.ts'

/** Where a connector stands towards its far side. */
export type LinkState = 'starting' | 'connected' | 'retrying' | 'failing' | 'paused' | 'stopped'

/** `failed`: it may pass. `refused`: the error is of class `never`; it is tried on, but someone should look. */
export type LinkEvent = 'opened' | 'failed' | 'refused' | 'pause' | 'resume' | 'stop'

/** Every state crossed with every event. Drawn in `docs/spec/outbox.md`. */
export const linkTable: Readonly<Record<LinkState, Readonly<Record<LinkEvent, LinkState>>>> = {
  starting: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'starting',
    stop: 'stopped',
  },
  connected: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'connected',
    stop: 'stopped',
  },
  retrying: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'retrying',
    stop: 'stopped',
  },
  failing: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'failing',
    stop: 'stopped',
  },
  // An opening under way when the pause came may still end, either way.
  paused: {
    opened: 'paused',
    failed: 'paused',
    refused: 'paused',
    pause: 'paused',
    resume: 'starting',
    stop: 'stopped',
  },
  stopped: {
    opened: 'stopped',
    failed: 'stopped',
    refused: 'stopped',
    pause: 'stopped',
    resume: 'stopped',
    stop: 'stopped',
  },
}

/** The standing of one connector, with since when and why. Told of every change. */
export class Link {
  state: LinkState = 'starting'
  sinceMs: number
  why: string | null = null
  lastError: LastError | null = null
  /** Openings and deliveries that had to be tried again. */
  retries = 0
  readonly #now: () => number
  readonly #onChange: (link: Link, before: LinkState) => void

  constructor(now: () => number, onChange: (link: Link, before: LinkState) => void) {
    this.#now = now
    this.#onChange = onChange
    this.sinceMs = now()
  }

  opened(): void {
    this.why = null
    if (this.lastError !== null) this.lastError = { ...this.lastError, nextTryMs: null }
    this.#step('opened')
  }

  /** The connection could not be made or was lost. */
  failed(error: TrestleError, nextTryMs: number): void {
    this.retries++
    this.note(error, nextTryMs)
    if (this.state !== 'paused' && this.state !== 'stopped') this.why = error.message
    this.#step(error.retry === 'never' ? 'refused' : 'failed')
  }

  /** The hub cannot take now what comes: the connection stands, and waits. `error` null: it flows again. */
  hold(error: TrestleError | null, nextTryMs: number): void {
    if (error !== null) {
      this.retries++
      this.note(error, nextTryMs)
    }
    if (this.state !== 'connected') return
    this.why = error === null ? null : `held, the hub cannot take it now: ${error.message}`
  }

  /** Something went wrong that leaves the connection as it is. */
  note(error: TrestleError, nextTryMs: number | null): void {
    this.lastError = { code: error.code, message: error.message, timeMs: this.#now(), nextTryMs }
  }

  pause(): void {
    this.why = 'paused on request'
    this.#step('pause')
  }

  resume(): void {
    if (this.state === 'paused') this.why = null
    this.#step('resume')
  }

  stop(): void {
    this.why = null
    this.#step('stop')
  }

  #step(event: LinkEvent): void {
    const before = this.state
    this.state = linkTable[before][event]
    if (this.state === before) return
    this.sinceMs = this.#now()
    this.#onChange(this, before)
  }
}

/** What is logged and counted when a link comes to a state. */
export const stateEvents: Readonly<Record<LinkState, EventName>> = {
  starting: 'connector.resumed',
  connected: 'connector.connected',
  retrying: 'connector.retrying',
  failing: 'connector.failing',
  paused: 'connector.paused',
  stopped: 'connector.stopped',
}
