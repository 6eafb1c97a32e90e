import type { HubPort, PublishRequest, SchemaPort } from '../../src/api/port.ts'
import { type Api, type ApiOptions, startApi } from '../../src/api/server.ts'
import { TrestleError } from '../../src/contract/error.ts'
import type { Message } from '../../src/contract/message.ts'
import type { Receipt } from '../../src/contract/receipt.ts'
import { type Fault, printFault } from '../../src/document/fault.ts'
import type { Changed } from '../../src/registry/changed.ts'
import { emptyState, Registry } from '../../src/registry/registry.ts'
import { notPermitted } from '../../src/registry/registry-error.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Log } from '../../src/telemetry/log.ts'
import { type ConnectorReport, type DeadLetter, emptyLedger, type HubReport } from '../../src/telemetry/report.ts'

const day = 86_400_000
const hour = 3_600_000
const minute = 60_000
export const nowMs = Date.UTC(2026, 10, 20, 13, 0, 0)

const connector = (part: Partial<ConnectorReport>): ConnectorReport => ({
  name: 'lake',
  type: 'kafka',
  state: 'connected',
  sinceMs: nowMs - 3 * day,
  why: null,
  inPerS: null,
  outPerS: 9812,
  waiting: { messages: 0, bytes: 0, oldestMs: null },
  retries: 12,
  deadLetters: 3,
  lastError: null,
  dropped: {},
  ways: [],
  ledger: { ...emptyLedger(), received: 10_000, delivered: 9000, deadLettered: 1000 },
  ...part,
})

/** The report behind the sample of `trestle status` in the design. */
export const sampleReport = (): HubReport => ({
  version: '0.1.0',
  hub: '7f3a9c',
  host: 'oslo-1',
  startedMs: nowMs - 3 * day - 4 * hour - 5 * minute,
  nowMs,
  journal: {
    state: 'writing',
    error: null,
    bytes: 1_200_000_000,
    maxBytes: 10_000_000_000,
    segments: 19,
    oldestMs: nowMs - 4 * minute,
    durable: 10_000,
    commits: 812,
    appended: 10_000,
  },
  broker: {
    connections: 50,
    sessions: 60,
    subscriptions: 7,
    receivedPerS: 9853.2,
    sentPerS: 41,
    received: 1_234_567,
    sent: 890,
    dropped: { 'queue full': 5 },
  },
  connectors: [
    connector({}),
    connector({
      name: 'archive',
      type: 'reductstore',
      state: 'retrying',
      sinceMs: nowMs - 4 * minute,
      why: 'far side is not reachable',
      outPerS: 0,
      waiting: { messages: 2_310_044, bytes: 1_100_000_000, oldestMs: nowMs - 4 * minute },
      retries: 57,
      deadLetters: 0,
      lastError: {
        code: 'E601',
        message: 'connection refused by archive.example:8383',
        timeMs: nowMs - 3000,
        nextTryMs: nowMs + 12_000,
      },
    }),
    connector({ name: 'orders', inPerS: 41, outPerS: null, waiting: null, retries: 0, deadLetters: 0 }),
  ],
  rules: [
    {
      name: 'line-telemetry',
      ledger: { ...emptyLedger(), received: 10_000, delivered: 9000, deadLettered: 1000 },
      state: null,
    },
  ],
  ledger: { ...emptyLedger(), received: 10_000, delivered: 9000, deadLettered: 1000 },
})

/** The same with every connector up. */
export const fineReport = (): HubReport => {
  const report = sampleReport()
  report.connectors.splice(1, 1)
  report.broker.dropped = {}
  return report
}

export const deadLetter = (part: Partial<DeadLetter> = {}): DeadLetter => ({
  id: '18422-0',
  sink: 'lake',
  rule: 'line-telemetry',
  timeMs: nowMs - 4 * minute,
  error: { code: 'E605', message: 'record of 2,000,000 bytes is larger than the topic takes' },
  attempts: 1,
  topic: 'plants/oslo/lines/3/telemetry',
  client: 'sensor-3',
  target: 'telemetry.oslo',
  key: '3',
  sizeBytes: 19,
  message: publishedWith(Buffer.from('{"temperature": 21}')),
  owed: {
    sink: 'lake',
    rule: 'line-telemetry',
    target: 'telemetry.oslo',
    key: '3',
    orderKey: 'sensor-3/plants/oslo/lines/3/telemetry',
    headers: [
      ['line', '3'],
      ['raw', Buffer.from([1, 2, 250])],
    ],
    payload: Buffer.from('{"temperature": 21}'),
    options: null,
  },
  ...part,
})

export const publishedWith = (payload: Uint8Array): Message => ({
  topic: 'plants/oslo/lines/3/telemetry',
  payload,
  qos: 1,
  retain: false,
  properties: { contentType: 'application/json', correlationData: Buffer.from([0, 255]), user: [['a', 'b']] },
  client: 'sensor-3',
  username: null,
  source: null,
  timeMs: nowMs - 5 * minute,
})

/** Schemas of no rules, in memory. */
export class FakeSchemas implements SchemaPort {
  registry = new Registry({ ...emptyState, nextId: 1 })
  writable = true
  forward: SchemaPort['forward'] = null
  /** What rules would say of the next change. */
  faults: readonly Fault[] = []

  async change<T>(step: (now: Registry) => Changed<T>): Promise<T> {
    if (!this.writable) throw notPermitted('The schemas of this hub lie in a folder')
    const { registry, answer, touched } = step(this.registry)
    if (touched.length > 0 && this.faults.length > 0)
      throw new TrestleError('E305', this.faults.map(printFault).join('; '), { detail: { registry: 409 } })
    this.registry = registry
    registry.take()
    return answer
  }

  async tryOut() {}

  trial(step: (now: Registry) => Changed<unknown>): readonly Fault[] {
    return step(this.registry).touched.length > 0 ? this.faults : []
  }
}

const answerOf = (filter: string) => ({
  filter,
  done: filter !== 'refused',
  reason: filter === 'refused' ? 'not authorised' : 'success',
})

/** A hub that does nothing but remember what it was asked. */
export class FakeHub implements HubPort {
  current = fineReport()
  reasons: string[] = []
  addFault: TrestleError | null = null
  reloadFault: TrestleError | null = null
  replayFault: { code: string; message: string } | null = null
  receipt: Receipt = { outcome: 'stored', error: null, place: null }
  letters: DeadLetter[] = [deadLetter()]
  readonly published: PublishRequest[] = []
  readonly calls: unknown[][] = []
  readonly subscribers = new Map<string, (message: Message) => void>()

  async report() {
    return this.current
  }

  async reload() {
    this.calls.push(['reload'])
    if (this.reloadFault !== null) throw this.reloadFault
    return { rules: 3, added: ['frost'], changed: ['line-telemetry'], removed: [] }
  }

  readonly clients = {
    subscriptions: (clientId: string) =>
      clientId === 'nobody' ? null : [{ filter: 'a/#', qos: 1 as const, noLocal: true, retainAsPublished: false }],
    subscribe: (clientId: string, filters: readonly string[], qos: 0 | 1 | 2) => {
      this.calls.push(['subscribe', clientId, filters, qos])
      return clientId === 'nobody' ? null : filters.map((filter) => answerOf(filter))
    },
    unsubscribe: (clientId: string, filters: readonly string[]) => {
      this.calls.push(['unsubscribe', clientId, filters])
      return clientId === 'nobody' ? null : filters.map((filter) => answerOf(filter))
    },
  }

  async readiness() {
    return { ready: this.reasons.length === 0, reasons: this.reasons }
  }

  async publish(message: PublishRequest) {
    this.published.push(message)
    return this.receipt
  }

  subscribe(filter: string, onMessage: (message: Message) => void) {
    if (filter.includes('##')) throw new TrestleError('E405', `'${filter}' is not a topic filter`)
    this.subscribers.set(filter, onMessage)
    return () => void this.subscribers.delete(filter)
  }

  send(filter: string, topic: string, payload: Uint8Array) {
    this.subscribers.get(filter)?.({
      topic,
      payload,
      qos: 1,
      retain: false,
      properties: null,
      client: 'sensor-3',
      username: null,
      source: null,
      timeMs: nowMs,
    })
  }

  readonly schemas = new FakeSchemas()

  readonly deadLetters: HubPort['deadLetters'] = {
    list: async (question) => {
      this.calls.push(['list', question])
      const items = this.letters.map(({ message: _message, owed: _owed, ...summary }) => summary)
      return { items: items.slice(0, question.limit), total: items.length }
    },
    show: async (id) => this.letters.find((letter) => letter.id === id) ?? null,
    replay: async (choice) => {
      this.calls.push(['replay', choice])
      if (this.replayFault !== null) return { replayed: 12, error: this.replayFault }
      return {
        error: null,
        replayed: choice.ids?.filter((id) => this.letters.some((letter) => letter.id === id)).length ?? 1000,
      }
    },
    discard: async (choice) => {
      this.calls.push(['discard', choice])
      return { discarded: 1 }
    },
  }

  readonly connectors: HubPort['connectors'] = {
    pause: async (name) => {
      this.calls.push(['pause', name])
      this.current.connectors.find((each) => each.name === name)!.state = 'paused'
    },
    resume: async (name) => {
      this.calls.push(['resume', name])
      this.current.connectors.find((each) => each.name === name)!.state = 'connected'
    },
    settings: async (name) => ({ name, origin: 'run-time', settings: { type: 'kafka', password: '•••' } }),
    add: async (entry) => {
      this.calls.push(['add', entry])
      if (this.addFault !== null) throw this.addFault
      this.current.connectors.push({ ...this.current.connectors[0]!, name: entry.name })
    },
    remove: async (name, options) => {
      this.calls.push(['remove', name, options])
      this.current.connectors = this.current.connectors.filter((each) => each.name !== name)
      return { discarded: options.discard ? 3 : 0 }
    },
    probe: async () => [
      { step: 'connect', ok: true, detail: 'kafka:9092, 3 brokers', tookMs: 4.2 },
      { step: 'produce', ok: false, detail: 'TOPIC_AUTHORIZATION_FAILED', tookMs: 12 },
    ],
  }
}

export interface Served {
  api: Api
  hub: FakeHub
  logged: Record<string, unknown>[]
}

/** A real API over a fake hub, on a port of the system's choice. */
export async function serve(options: Partial<ApiOptions> = {}): Promise<Served> {
  const hub = new FakeHub()
  const logged: Record<string, unknown>[] = []
  const log = new Log({
    level: 'debug',
    human: false,
    stream: { write: (line) => logged.push(JSON.parse(line)) },
    redact: (text) => text,
    now: () => nowMs,
  })
  const events = new Events(log)
  const api = await startApi({ hub, events, version: '0.1.0', host: '127.0.0.1', port: 0, token: null, ...options })
  return { api, hub, logged }
}

/** Waits until `check` is true. */
export async function until(check: () => boolean, what: string): Promise<void> {
  const endMs = Date.now() + 5000
  while (!check()) {
    if (Date.now() > endMs) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
