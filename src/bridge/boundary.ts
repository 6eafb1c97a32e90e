import type { Code, Retry } from '../contract/codes.ts'
import type { ProbeStep } from '../contract/connector.ts'
import { type ErrorDetail, TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import type { Outcome, Receipt } from '../contract/receipt.ts'
import type { RetryBudget } from '../outbox/again.ts'
import type { KeptLetter, LetterSummary } from '../outbox/dead-letter-row.ts'
import type { DeadLetterFilter } from '../outbox/dead-letters.ts'
import type { EventName } from '../telemetry/events.ts'
import type { LinkReport } from './report.ts'

/** One connector as the configuration has it. */
export interface ConnectorSettings {
  name: string
  /** null: the journal still names it, the configuration does not; what it is owed is kept. */
  type: string | null
  /** Checked against the connector's own schema before they come here. */
  options: Readonly<Record<string, unknown>>
  /** It takes messages out of the hub. */
  sink: boolean
  /** One entry of `sources:` each. */
  sources: readonly Readonly<Record<string, unknown>>[]
  budget?: RetryBudget
  buffer?: BufferSettings
}

/** How much a sink may be owed, and what becomes of more. */
export interface BufferSettings {
  /** Payload bytes. */
  maxBytes: number
  whenFull: 'block' | 'drop-oldest' | 'drop-newest'
}

/** Paths under the data folder; all but `deadLetters` (a file) are folders. */
export interface BridgeFolders {
  journal: string
  cursors: string
  connectors: string
  deadLetters: string
}

export interface BridgeTiming {
  openTimeoutMs: number
  deliverTimeoutMs: number
  closeTimeoutMs: number
  /** A changed cursor is written after so long. */
  cursorWriteMs: number
  /** And asked to be on disk after so long; only then may segments go. */
  cursorSyncMs: number
  /** A cursor of which only the position moved is written after so long. */
  cursorMoveMs: number
  /** After a wake-up the host looks by itself for so long before it asks to be woken again. */
  restMs: number
  /** A source that one of its records holds (`on_refused: hold`) looks again after so long. */
  holdMs: number
  /** Connections opened at the same time, in the whole process. */
  maxOpens: number
  /** Between two openings. */
  openSpacingMs: number
}

export const defaultTiming: BridgeTiming = {
  openTimeoutMs: 30_000,
  deliverTimeoutMs: 60_000,
  closeTimeoutMs: 5_000,
  cursorWriteMs: 100,
  cursorSyncMs: 500,
  cursorMoveMs: 5_000,
  restMs: 5,
  holdMs: 30_000,
  maxOpens: 4,
  openSpacingMs: 25,
}

export interface StartMessage {
  hub: string
  folders: BridgeFolders
  /** Above this the dead letters take nothing more. */
  maxDeadLetterBytes: number
  /** The journal's durable position (`journal/tail`). */
  tail: SharedArrayBuffer
  /** The sinks whose totals stand in the tail, in its order; others are woken by each append. */
  tailSinks: readonly string[]
  /** Where the host says how much of what is owed it has settled (`journal/tail`). */
  settled: SharedArrayBuffer
  /** One Int32: 1 when the host wants to be told of the next append. */
  idle: SharedArrayBuffer
  /** URL of a module whose `connectors` (or default export) maps a type to `() => import(…)`. */
  modules: string
  connectors: readonly ConnectorSettings[]
  timing: BridgeTiming
}

/** An error as it crosses. */
export interface WireError {
  code: Code
  message: string
  retry: Retry
  detail: ErrorDetail
}

export interface WireReceipt {
  outcome: Outcome
  error: WireError | null
  place: string | null
}

/** A message that comes into the hub; `owed` when a dead letter goes to its sink again as it was shaped. */
export interface IntakeItem {
  message: Message
  owed: Owed | null
}

/** What becomes of a record that cannot be an MQTT message. */
export type OnRefused = 'dead-letter' | 'drop' | 'hold'

/** Messages of one source on their way to main. */
export interface IntakeOrder {
  /** Of several sources of one connector each has its own name. */
  source: string
  /** Main refuses what was sent before the source heard of a failure: nothing overtakes what failed. */
  epoch: number
  onRefused: OnRefused
  messages: readonly Message[]
  /** By place, what cannot be an MQTT message, and why. */
  faults: ReadonlyMap<number, TrestleError> | null
}

/** Receipts of `count` messages from the place `from` on that are all alike. */
export interface WireRun {
  from: number
  count: number
  receipt: WireReceipt
}

export interface HostReport {
  connectors: LinkReport[]
  deadLetters: Record<string, number>
}

export interface ReplayResult {
  replayed: number
  /** Why it ended early; what was not replayed is still a dead letter. */
  error: WireError | null
}

/** What main may ask: the word, what goes with it, what comes back. */
export interface ControlTable {
  status: { ask: null; answer: HostReport }
  pause: { ask: string; answer: null }
  resume: { ask: string; answer: null }
  /** `slot`: its place in the journal's tail, -1 for none. */
  add: { ask: { settings: ConnectorSettings; slot: number }; answer: null }
  /** Answers how many deliveries were dropped. */
  remove: { ask: { name: string; slot: number; discard: boolean }; answer: number }
  probe: { ask: string; answer: readonly ProbeStep[] }
  list: { ask: DeadLetterFilter; answer: LetterSummary[] }
  show: { ask: string; answer: KeptLetter | null }
  replay: { ask: DeadLetterFilter; answer: ReplayResult }
  discard: { ask: DeadLetterFilter; answer: number }
  count: { ask: null; answer: Record<string, number> }
  stop: { ask: null; answer: null }
}

export type ControlWord = keyof ControlTable

/** Main to connector thread. */
export type ToHost =
  | { kind: 'start'; start: StartMessage }
  | { kind: 'appended' }
  | { kind: 'control'; id: number; word: ControlWord; ask: unknown }
  | { kind: 'intake-receipts'; id: number; runs: readonly WireRun[] }
  | { kind: 'intake-synced'; id: number }
  | { kind: 'replay-receipts'; id: number; receipts: readonly WireReceipt[] }

export interface AwaitedReceipt {
  position: number
  sink: string
  error: WireError | null
}

/** Connector thread to main. */
export type FromHost =
  | { kind: 'started' }
  /** The host cannot begin, and ends. */
  | { kind: 'failed'; error: WireError }
  | { kind: 'answer'; id: number; answer: unknown; error: WireError | null }
  | { kind: 'receipts'; receipts: readonly AwaitedReceipt[] }
  | { kind: 'low-water'; position: number }
  | {
      kind: 'intake'
      id: number
      source: string
      epoch: number
      onRefused: OnRefused
      batch: ArrayBuffer
      faults: readonly (readonly [at: number, error: WireError])[]
    }
  /** Asks for a sign that everything sent before was looked at. */
  | { kind: 'intake-sync'; id: number }
  | { kind: 'replay'; id: number; items: readonly IntakeItem[] }
  | { kind: 'event'; name: EventName; facts: Readonly<Record<string, unknown>> }
  | { kind: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; event: string; facts: Readonly<Record<string, unknown>> }

/** What both ends of the boundary are: a MessagePort, a Worker seen from main, the parent seen from the thread. */
export interface BoundaryPort<Out, In> {
  postMessage(message: Out, transfer?: ArrayBuffer[]): void
  on(event: 'message', listener: (message: In) => void): unknown
}

export const toWire = (error: TrestleError): WireError => ({
  code: error.code,
  message: error.message,
  retry: error.retry,
  detail: cloneable(error.detail),
})

export const fromWire = (wire: WireError): TrestleError =>
  new TrestleError(wire.code, wire.message, { retry: wire.retry, detail: wire.detail })

export const receiptToWire = (receipt: Receipt): WireReceipt => ({
  outcome: receipt.outcome,
  error: receipt.error === null ? null : toWire(receipt.error),
  place: receipt.place,
})

export const receiptFromWire = (wire: WireReceipt): Receipt => ({
  outcome: wire.outcome,
  error: wire.error === null ? null : fromWire(wire.error),
  place: wire.place,
})

/** Facts come from connectors: what cannot be cloned would make the whole message fail. */
export const cloneable = <T extends Readonly<Record<string, unknown>>>(facts: T): T => {
  try {
    return structuredClone(facts)
  } catch {
    // Functions, sockets and the like are told by their text.
    return Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, plain(fact)])) as T
  }
}

const plain = (fact: unknown): unknown =>
  fact instanceof Error ? fact.message : typeof fact === 'object' || typeof fact === 'function' ? String(fact) : fact
