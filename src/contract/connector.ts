import type { TrestleError } from './error.ts'
import type { Delivery, Message } from './message.ts'
import type { Receipt } from './receipt.ts'

/**
 * JSON Schema of a connector's options: types, defaults, prose, examples and secrecy stand on the field.
 *
 * Beside JSON Schema's own keywords: `secret: true` (never shown); `format: 'path'` (made absolute, relative to the
 * configuration file; text of several lines is left alone); `expects` (what a fault says is wanted: `host:port`);
 * `quantity: 'bytes' | 'ms' | 's'` (the string `64 MB` becomes the number).
 */
export type OptionsSchema = Readonly<Record<string, unknown>>

/** What the hub hands a connector when it makes a sink or a source. */
export interface ConnectorContext {
  /** The connector's name in the configuration. */
  readonly name: string
  /** Identity of this hub: stable over restarts, unique among hubs. */
  readonly hub: string
  /** A folder of this connector's own under the data folder; it exists. */
  readonly folder: string
  /** A line for the log: an event name and facts. Secrets must not be put in. */
  log(level: 'debug' | 'info' | 'warn' | 'error', event: string, facts?: Record<string, unknown>): void
  /** Milliseconds since the epoch; tests hand in another clock. */
  now(): number
}

/** The limits of one `deliver` call. The hub never hands over more; a single delivery above `bytes` comes alone. */
export interface BatchLimits {
  readonly count: number
  /** Sum of payload bytes. */
  readonly bytes: number
  /** The hub waits at most so long for a batch to fill once messages flow; the first after a pause goes at once. *Unit*: ms. */
  readonly lingerMs: number
}

/**
 * The way out of the hub. The hub calls `open` once, then `deliver` one batch at a time (never a second before the
 * first has answered), then `close` once. After an error of class `reconnect` it calls `close`, waits, and starts
 * again with a **new** sink. Nothing here may block the thread.
 */
export interface Sink {
  /** `total`: all deliveries in one order. `key`: only deliveries with the same `orderKey` keep their order. */
  readonly ordering: 'total' | 'key'
  readonly limits: BatchLimits
  /** Connects and proves that the far side can be used. *Errors*: a TrestleError; its retry class orders what follows. */
  open(): Promise<void>
  /**
   * Hands over a batch. Answers one Receipt per delivery, in the same order, `delivered` only when the far side has
   * confirmed it durably. Where one delivery fails, later ones of the same order (see `ordering`) must fail too,
   * unless the failure is of class `never`. Throwing means: nothing is known of any of them (they will be sent again).
   */
  deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]>
  /** Frees everything; called also after a failed `open`. Must not throw for a far side that is gone. */
  close(): Promise<void>
}

/** What a source is given: the door into the hub. */
export interface Intake {
  /**
   * Takes a batch in; batches enter in the order of the calls. Answers one Receipt per message, in order, once each is
   * as safe as the rules demand. What may pass (a full journal) is tried again inside, so the answer may take long: a
   * source bounds what it has handed in and not yet heard of, and acknowledges upstream only on the answer.
   *
   * - `received`, `stored`, `delivered`: acknowledge upstream.
   * - `refused`: it never will be taken and is dealt with (kept as a dead letter, or dropped as was asked):
   *   acknowledge upstream.
   * - `failed`: the hub ends or the source is being closed: do not acknowledge.
   *
   * `faults`: by place, messages that cannot be MQTT messages and why (see `Inbound`); the hub deals with them.
   * *Errors*: none; a failure is a Receipt.
   */
  take(messages: readonly Message[], faults?: ReadonlyMap<number, TrestleError>): Promise<readonly Receipt[]>
  /**
   * The far side is lost, or something is wrong that a new start may cure. The hub closes the source, waits as the
   * error's class and the back-off say, and opens a **new** one. May be called more than once; the first counts.
   */
  lost(error: TrestleError): void
}

/**
 * The way into the hub. The hub calls `open` once; it resolves when messages flow and throws when they cannot. `pause`
 * and `resume` hold the flow: what was read before may still be handed in, nothing more is read. `close` ends it: no
 * `take` after it, what was answered before is acknowledged upstream, positions are kept. A source does not reconnect:
 * it says `lost` and is made anew.
 */
export interface Source {
  open(intake: Intake): Promise<void>
  pause(): void
  resume(): void
  close(): Promise<void>
}

/** One step of a probe: what was tried, whether it worked, and the far side's own words when it did not. */
export interface ProbeStep {
  readonly step: string
  readonly ok: boolean
  readonly detail: string
  readonly tookMs: number
}

/** A connector as the hub knows it; each connector's `index.ts` exports one as its default. */
export interface Connector {
  /** The word after `type:` in the configuration. */
  readonly type: string
  /** One sentence for lists and help. */
  readonly summary: string
  readonly options: OptionsSchema
  /** Fields a rule's target may carry for this connector's sink beyond `sink`, `key`, `headers`, `encode` (JSON Schema of an object). */
  readonly targetOptions?: OptionsSchema
  /** The target option that addresses the far side (`topic`, `entry`, `file` …); it becomes `Owed.target`. */
  readonly targetField?: string
  /** May import its client library only now: descriptions are read in threads that never open a connection. */
  createSink?(options: never, context: ConnectorContext): Sink | Promise<Sink>
  /** JSON Schema of one entry of `sources:`. */
  readonly sourceOptions?: OptionsSchema
  createSource?(options: never, source: never, context: ConnectorContext): Source | Promise<Source>
  /**
   * Which far system the options lead to, so that it is seen before the start that what a sink writes comes back by a source
   * (also of another connector): two connectors that reach the same one answer the same, without secrets and in one form
   * (names in small letters, lists sorted). Without it every connector has a far side of its own.
   */
  farSide?(options: never): string
  /**
   * What one entry of `sources:` reads, in the far side's words. *Shape*: addresses in which `*` stands for any text, none
   * and separators included; where it cannot be said, `['*']`. Without it loops over its sources are only seen at run time.
   */
  reads?(options: never, source: never): readonly string[]
  /**
   * Where a delivery lands on the far side, in the form of `reads`, when a rule's target says `target` (`*` for what only
   * the message decides; null: it says nothing). null: that cannot be said. Without it, `target` as it stands.
   */
  writes?(options: never, target: string | null): string | null
  /** Tries the real path, step by step; stops at the first step that fails. */
  probe?(options: never, context: ConnectorContext): Promise<readonly ProbeStep[]>
}
