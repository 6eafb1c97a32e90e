import {
  type Connector,
  type ConnectorContext,
  type ForeignRecord,
  Inbound,
  type InboundOptions,
  type Intake,
  inboundFields,
  type OptionsOf,
  type Source,
  TrestleError,
} from 'trestle/contract'

/** Fields of its `sources:` entries. */
const logSourceOptions = {
  type: 'object',
  properties: {
    ...inboundFields,
    publish: { ...inboundFields.publish, default: '${topic}' },
    max_unsettled: { type: 'integer', default: 20, description: 'Handed in and not heard of, at most.' },
  },
} as const

type LogSourceOptions = InboundOptions & Partial<OptionsOf<typeof logSourceOptions>>

/** A far side in memory: a log of records and how far its one reader has acknowledged, without a hole. */
export class Log {
  readonly records: ForeignRecord[] = []
  readonly #acked = new Set<number>()
  readonly #readers = new Set<() => void>()

  put(record: Partial<ForeignRecord>): void {
    this.records.push({
      address: 'log',
      key: null,
      headers: [],
      payload: Buffer.from('{}'),
      timeMs: Date.now(),
      ...record,
    })
    for (const wake of this.#readers) wake()
  }

  /** The oldest that is not acknowledged. */
  get position(): number {
    let at = 0
    while (this.#acked.has(at)) at++
    return at
  }

  ack(at: number): void {
    this.#acked.add(at)
  }

  watch(wake: () => void): () => void {
    this.#readers.add(wake)
    return () => this.#readers.delete(wake)
  }
}

export const logs = new Map<string, Log>()

export const logOf = (name: string): Log => {
  const known = logs.get(name) ?? new Log()
  logs.set(name, known)
  return known
}

const maxAtOnce = 7

/** The smallest source that keeps the contract: reads a log, bounded, and acknowledges on the receipt. */
export class LogSource implements Source {
  readonly #log: Log
  readonly #inbound: Inbound
  readonly #maxUnsettled: number
  #intake: Intake | null = null
  #unwatch = (): void => {}
  #at = 0
  #unsettled = 0
  #paused = false

  constructor(options: LogSourceOptions, { name }: ConnectorContext) {
    this.#log = logOf(name)
    this.#inbound = new Inbound(options, name)
    this.#maxUnsettled = options.max_unsettled ?? 20
  }

  async open(intake: Intake): Promise<void> {
    this.#intake = intake
    this.#at = this.#log.position
    this.#unwatch = this.#log.watch(() => queueMicrotask(() => this.#read()))
    this.#read()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#read()
  }

  async close(): Promise<void> {
    this.#unwatch()
    this.#intake = null
  }

  /** A test's way to take its far side away. */
  lose(): void {
    this.#intake?.lost(new TrestleError('E601', 'the log is gone'))
  }

  #read(): void {
    while (this.#intake !== null && !this.#paused) {
      const count = Math.min(maxAtOnce, this.#log.records.length - this.#at, this.#maxUnsettled - this.#unsettled)
      if (count <= 0) return
      void this.#handIn(this.#intake, this.#at, count)
      this.#at += count
    }
  }

  async #handIn(intake: Intake, from: number, count: number): Promise<void> {
    const batch = this.#inbound.begin()
    for (const record of this.#log.records.slice(from, from + count)) this.#inbound.add(batch, record, Date.now())
    this.#unsettled += count
    const receipts = await intake.take(batch.messages, batch.faults)
    this.#unsettled -= count
    for (const [at, { outcome }] of receipts.entries()) if (outcome !== 'failed') this.#log.ack(from + at)
    this.#read()
  }
}

const log: Connector = {
  type: 'log',
  summary: 'reads a log in memory, for tests',
  options: { type: 'object', properties: {} },
  sourceOptions: logSourceOptions,
  createSource: (_options: never, source: never, context) => new LogSource(source, context),
}

export default log
