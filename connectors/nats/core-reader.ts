import type { Msg, Subscription } from '@nats-io/transport-node'
import { type ConnectorContext, Inbound, type InboundBatch, type Intake, TrestleError } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import type { NatsOptions } from './options.ts'
import { Records } from './records.ts'
import type { NatsSourceOptions } from './source-options.ts'
import { Unsettled } from './unsettled.ts'

/**
 * Listens to subjects of core NATS. Each message comes once at most: NATS keeps none, and waits for nobody. While the
 * source is paused, or holds as much as it may, it does not listen: the other members of its queue group get what comes
 * then; without a group it is lost, and the log says so.
 */
export class CoreReader {
  readonly #client: NatsClient
  readonly #source: NatsSourceOptions
  readonly #context: ConnectorContext
  readonly #inbound: Inbound
  readonly #records: Records
  readonly #unsettled: Unsettled
  readonly #taking = new Set<Promise<void>>()
  #subscriptions: Subscription[] = []
  #intake: Intake | null = null
  #batch: InboundBatch
  #bytes = 0
  #flushing = false
  #paused = false
  #closed = false

  constructor(client: NatsClient, options: NatsOptions, source: NatsSourceOptions, context: ConnectorContext) {
    if (source.subjects === undefined) {
      throw new TrestleError('E105', 'the source names no subjects', { detail: { advice: 'add `subjects: […]`' } })
    }
    this.#client = client
    this.#source = source
    this.#context = context
    this.#inbound = new Inbound(source, context.name)
    this.#batch = this.#inbound.begin()
    this.#records = new Records(options, null)
    this.#unsettled = new Unsettled(source.max_unsettled, source.max_unsettled_bytes)
  }

  async open(intake: Intake): Promise<void> {
    this.#intake = intake
    let refused: TrestleError | null = null
    this.#client.onViolation = ({ operation, error }) => {
      if (operation === 'subscription') refused ??= error
    }
    this.#listen()
    await this.#client.flush()
    if (refused !== null) throw refused
    this.#client.onViolation = ({ operation, error }) => {
      if (operation === 'subscription') intake.lost(error)
    }
  }

  pause(): void {
    this.#paused = true
    this.#listenNoMore()
  }

  resume(): void {
    this.#paused = false
    if (!this.#unsettled.full) this.#listen()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#listenNoMore()
    this.#flush()
    this.#closed = true
    await Promise.race([Promise.all(this.#taking), new Promise((done) => setTimeout(done, 2000).unref())])
  }

  #listen(): void {
    if (this.#subscriptions.length > 0 || this.#closed || this.#client.connection.isClosed()) return
    const { queue, subjects = [] } = this.#source
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) this.#receive(message)
    }
    this.#subscriptions = subjects.map((subject) =>
      this.#client.connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue }),
    )
  }

  #listenNoMore(): void {
    if (!this.#client.connection.isClosed()) for (const subscription of this.#subscriptions) subscription.unsubscribe()
    this.#subscriptions = []
  }

  #receive(message: Msg): void {
    // The server's own word to who asked that nobody listens.
    if (message.data.length === 0 && message.headers?.code === 503) return
    const record = this.#records.of(message, null)
    this.#inbound.add(this.#batch, record, this.#context.now())
    const bytes = record.payload.length + 256
    this.#bytes += bytes
    this.#unsettled.add(bytes)
    if (this.#unsettled.full && this.#subscriptions.length > 0) {
      const { count, bytes: held } = this.#unsettled
      this.#context.log('warn', 'nats.not-listening', { why: 'as much is held as may be', count, bytes: held })
      this.#listenNoMore()
    }
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    const { messages, faults } = this.#batch
    if (messages.length === 0 || this.#closed) return
    const bytes = this.#bytes
    this.#batch = this.#inbound.begin()
    this.#bytes = 0
    const taking = this.#intake!.take(messages, faults).then(() => {
      this.#unsettled.remove(messages.length, bytes)
      if (!this.#paused && this.#unsettled.roomy) this.#listen()
    })
    this.#taking.add(taking)
    void taking.finally(() => this.#taking.delete(taking))
  }
}
