import { createInbox, type Msg, type Subscription } from '@nats-io/transport-node'
import { TrestleError } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import type { DurableConsumer } from './consumers.ts'
import type { NatsOptions } from './options.ts'

const heartbeatMs = 4000
/** How long a request stands open; also how long one of a connection may that died unheard. *Unit*: ms. */
export const expiresMs = 10_000
const nanos = (ms: number): number => ms * 1_000_000

/**
 * Asks a consumer for messages, one request at a time: the next may be made when the one before has brought all, or the
 * server has ended it. Between messages the server sends heartbeats; without them the connection counts as lost.
 *
 * ```
 * > $JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>  {"batch":500,"expires":…,"idle_heartbeat":…,"max_bytes":…}
 * < a message, its reply subject is where to acknowledge; or a status on the inbox: 100 heartbeat, 404, 408, 409 ended
 * ```
 */
export class Pull {
  readonly #client: NatsClient
  readonly #consumer: DurableConsumer
  readonly #inbox: string
  readonly #onMessage: (message: Msg) => void
  readonly #onEnd: () => void
  readonly #onLost: (error: TrestleError) => void
  #subscription: Subscription | null = null
  #request = 0
  /** Messages the open request may still bring; 0: none is open. */
  #left = 0
  #heardMs = 0
  #watch: NodeJS.Timeout | null = null
  #again: NodeJS.Timeout | null = null
  #maxBatch = Number.POSITIVE_INFINITY
  /** The next message alone is larger than what may be held. */
  #tooLarge = false

  /** `onEnd`: a request is over, and another may be made. */
  constructor(
    client: NatsClient,
    options: NatsOptions,
    consumer: DurableConsumer,
    on: { message: (message: Msg) => void; end: () => void; lost: (error: TrestleError) => void },
  ) {
    this.#client = client
    this.#consumer = consumer
    this.#inbox = createInbox(options.inbox_prefix)
    this.#onMessage = on.message
    this.#onEnd = on.end
    this.#onLost = on.lost
  }

  start(): void {
    this.#subscription = this.#client.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#hear(message)
      },
    })
    this.#watch = setInterval(() => this.#listen(), heartbeatMs)
  }

  get idle(): boolean {
    return this.#left === 0 && this.#again === null
  }

  /** `bytes` bounds what it brings, but a message larger than that comes alone. */
  ask(count: number, bytes: number): void {
    const { connection, api } = this.#client
    const batch = this.#tooLarge ? 1 : Math.min(count, this.#maxBatch)
    const size = this.#tooLarge ? {} : { max_bytes: bytes }
    const request = { batch, ...size, expires: nanos(expiresMs), idle_heartbeat: nanos(heartbeatMs) }
    this.#tooLarge = false
    this.#left = batch
    this.#heardMs = performance.now()
    const subject = `${api}.CONSUMER.MSG.NEXT.${this.#consumer.stream}.${this.#consumer.name}`
    connection.publish(subject, JSON.stringify(request), { reply: `${this.#inbox}.${++this.#request}` })
  }

  stop(): void {
    if (this.#watch !== null) clearInterval(this.#watch)
    if (this.#again !== null) clearTimeout(this.#again)
    this.#left = 0
    if (!this.#client.connection.isClosed()) this.#subscription?.unsubscribe()
    this.#subscription = null
  }

  #hear(message: Msg): void {
    this.#heardMs = performance.now()
    const { subject } = message
    if (subject.startsWith(this.#inbox)) {
      // What the server says of an earlier request is over.
      if (Number(subject.slice(this.#inbox.length + 1)) === this.#request) this.#status(message)
      return
    }
    if (this.#left > 0) this.#left--
    this.#onMessage(message)
    if (this.#left === 0) this.#onEnd()
  }

  #status(message: Msg): void {
    const code = message.headers?.code ?? 0
    const words = message.headers?.description ?? ''
    if (code === 100) return
    this.#left = 0
    const allowed = /exceeded maxrequestbatch of (\d+)/i.exec(words)
    if (allowed !== null) {
      this.#maxBatch = Number(allowed[1])
      this.#onEnd()
    } else if (code === 408 || code === 404 || /completed/i.test(words)) this.#onEnd()
    else if (/size exceeds/i.test(words)) {
      this.#tooLarge = true
      this.#onEnd()
    } else if (/leadership|shutdown|exceeded maxwaiting/i.test(words)) {
      this.#again = setTimeout(() => {
        this.#again = null
        this.#onEnd()
      }, 250)
    } else this.#onLost(this.#fault(code, words))
  }

  #fault(code: number, words: string): TrestleError {
    const { name, stream } = this.#consumer
    const place = `consumer ${name} of stream ${stream}`
    const advice = code === 503 || /deleted/i.test(words) ? 'the hub makes it anew' : 'check the limits of the consumer'
    const said = code === 503 ? 'nobody answers for it' : `${words} (${code})`
    return new TrestleError('E604', `${place}: ${said}`, { retry: 'reconnect', detail: { place, advice } })
  }

  #listen(): void {
    if (this.#left === 0 || performance.now() - this.#heardMs < 2.5 * heartbeatMs) return
    this.#onLost(new TrestleError('E601', `${this.#client.place} sent no heartbeat for ${2.5 * heartbeatMs} ms`))
  }
}
