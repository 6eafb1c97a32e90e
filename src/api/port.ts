import type { ProbeStep } from '../contract/connector.ts'
import type { Message, MessageProperties } from '../contract/message.ts'
import type { Receipt } from '../contract/receipt.ts'
import type { Fault } from '../document/fault.ts'
import type { Changed } from '../registry/changed.ts'
import type { Content } from '../registry/content.ts'
import type { Registry } from '../registry/registry.ts'
import type { DeadLetter, DeadLetterSummary, HubReport } from '../telemetry/report.ts'

/** What the API needs from the hub, so that it can be built and tested without it. `hub.ts` is the body in the product. */
export interface HubPort {
  report(): Promise<HubReport>
  /** Ready means: listeners open, journal writing. A far side that is away does not make the hub unready. */
  readiness(): Promise<{ ready: boolean; reasons: string[] }>
  /** Takes the same stairs as a device's publish. *Errors*: none; a failure is a Receipt. */
  publish(message: PublishRequest): Promise<Receipt>
  /**
   * Calls `onMessage` for each message on a matching topic until the function it answers is called. The payload is
   * valid during the call only. *Errors*: E405 for a filter that is not valid.
   */
  subscribe(filter: string, onMessage: (message: Message) => void): () => void
  /** Loads rules and schemas anew, all or nothing. *Errors*: the first fault's code, all faults in `detail`. */
  reload(): Promise<RuleChanges>
  readonly schemas: SchemaPort
  readonly deadLetters: DeadLetterPort
  readonly connectors: ConnectorPort
  readonly clients: ClientPort
}

/** Acting for MQTT clients, with their rights and limits; null where there is no session of that client. */
export interface ClientPort {
  subscriptions(clientId: string): ClientSubscription[] | null
  subscribe(clientId: string, filters: readonly string[], qos: 0 | 1 | 2): ClientAnswer[] | null
  unsubscribe(clientId: string, filters: readonly string[]): ClientAnswer[] | null
}

export interface ClientSubscription {
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
}

/** What became of one filter, and what the client would have heard. */
export interface ClientAnswer {
  readonly filter: string
  readonly done: boolean
  readonly reason: string
}

/** Names of rules that a reload has changed. */
export interface RuleChanges {
  /** How many are loaded now. */
  rules: number
  added: readonly string[]
  changed: readonly string[]
  removed: readonly string[]
}

export interface PublishRequest {
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  properties: MessageProperties | null
}

export interface SchemaPort {
  /** What is registered now. */
  readonly registry: Registry
  /** Whether `change` can be had: schemas that lie in a folder are changed there. */
  readonly writable: boolean
  /** Puts the registry that `step` makes of the one there is in its place. *Errors*: those of `step`; E305 (409), E307 (42205), E501 (50001). */
  change<T>(step: (now: Registry) => Changed<T>): Promise<T>
  /** Passes a request on to the registry this one stands in front of; null where it stands for itself. *Errors*: E308. */
  readonly forward: ((method: string, path: string, body: string | undefined) => Promise<ForwardedAnswer>) | null
  /** Compiles a schema where it can do no harm. *Errors*: 42201 for one that takes too long or too much memory. */
  tryOut(schema: TriedSchema): Promise<void>
  /** What the rules would have against a change; nothing is changed. */
  trial(step: (now: Registry) => Changed<unknown>): readonly Fault[]
}

/** A schema before it is compiled. */
export type TriedSchema = Pick<Content, 'format' | 'text' | 'referenced'>

/** What another registry has answered, as it came. */
export interface ForwardedAnswer {
  readonly status: number
  readonly text: string
}

export interface DeadLetterPort {
  /** Oldest first; `total` counts all that fit the question, not only this page; null when that is not known. */
  list(question: DeadLetterQuestion): Promise<{ items: readonly DeadLetterSummary[]; total: number | null }>
  show(id: string): Promise<DeadLetter | null>
  /** Owes them to their sinks again, in order; `error` says why it ended early (the rest stay dead letters). */
  replay(choice: DeadLetterChoice): Promise<{ replayed: number; error: { code: string; message: string } | null }>
  discard(choice: DeadLetterChoice): Promise<{ discarded: number }>
}

export interface DeadLetterQuestion {
  sink?: string
  rule?: string
  /** The page starts behind this id. */
  after?: string
  limit?: number
}

/** Which dead letters are meant: those named, or all of a sink and/or rule, or all there are. Never empty. */
export interface DeadLetterChoice {
  ids?: readonly string[]
  sink?: string
  rule?: string
  all?: boolean
}

export interface ConnectorPort {
  /** *Errors*: E702 for a connector that is not configured; likewise below. */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  probe(name: string): Promise<readonly ProbeStep[]>
  /** Its entry as it was written, secrets masked. */
  settings(name: string): Promise<ConnectorSettingsView>
  /** Starts one more, kept over restarts. *Errors*: the code of its first fault, all faults in `detail`; E708 for a name that is taken. */
  add(entry: ConnectorEntry): Promise<void>
  /** *Errors*: E708 when something still needs it. */
  remove(name: string, options: { discard: boolean }): Promise<{ discarded: number }>
}

export interface ConnectorSettingsView {
  name: string
  /** Where it comes from. */
  origin: 'configuration' | 'run-time'
  settings: Record<string, unknown>
}

/** A connector to be added: the YAML of its entry or its type, and options by dotted path. */
export interface ConnectorEntry {
  name: string
  type?: string
  text?: string
  file?: string
  set?: Record<string, string>
}
