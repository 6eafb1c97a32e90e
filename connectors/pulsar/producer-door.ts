import { TrestleError } from 'trestle/contract'
import type { Claim, ClaimLog } from './claim-log.ts'
import type { Numbering } from './numbering.ts'
import type { PulsarOptions } from './options.ts'
import type { PulsarClient } from './protocol/client.ts'
import { Producer } from './protocol/producer/producer.ts'

/** What every producer of a sink is opened with. */
export interface DoorContext {
  readonly client: PulsarClient
  readonly options: PulsarOptions
  /** Producers are called so, with the topic behind; null without deduplication. */
  readonly namePrefix: string | null
  /** null without deduplication. */
  readonly claims: ClaimLog | null
  log(level: 'info' | 'warn', event: string, facts: Record<string, unknown>): void
}

/** The producer of one topic or partition: opened when it is asked for, and its numbers made good before it is used. */
export class ProducerDoor {
  readonly #topic: string
  readonly #context: DoorContext
  readonly #numbering: Numbering
  #producer: Producer | null = null
  #opening: Promise<Producer> | null = null

  constructor(topic: string, context: DoorContext, numbering: Numbering) {
    this.#topic = topic
    this.#context = context
    this.#numbering = numbering
  }

  /** Whether the broker of the last producer can still be reached. */
  get isConnected(): boolean {
    return this.#producer?.connection.isOpen ?? false
  }

  /** *Errors*: PulsarFault; E607 while others have the topic for themselves and we wait. */
  open(): Promise<Producer> {
    if (this.#producer !== null && this.#producer.fault === null) return Promise.resolve(this.#producer)
    if (this.#opening === null) {
      this.#opening = this.#openAnew().finally(() => {
        this.#opening = null
      })
    }
    const { access_mode: mode, request_timeout_ms: timeoutMs } = this.#context.options
    return mode === 'wait_for_exclusive' ? this.#within(this.#opening, timeoutMs) : this.#opening
  }

  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    await producer?.close()
  }

  async #openAnew(): Promise<Producer> {
    const { client, options, namePrefix } = this.#context
    const topic = this.#topic
    const producer = await Producer.open(await client.connectionFor(topic), {
      topic,
      name: namePrefix === null ? null : `${namePrefix}-${topic}`,
      accessMode: options.access_mode,
      metadata: (options.metadata as Record<string, string> | undefined) ?? {},
      openTimeoutMs: options.request_timeout_ms,
      sendTimeoutMs: options.request_timeout_ms,
    })
    const lost = this.#numbering.opened(producer.lastSequenceId)
    if (lost.length > 0) await this.#void(lost, producer.lastSequenceId)
    this.#producer = producer
    return producer
  }

  async #void(lost: readonly Claim[], lastSequenceId: number): Promise<void> {
    const { claims, log } = this.#context
    const topic = this.#topic
    await claims?.void(
      topic,
      lost.map(({ first }) => first),
    )
    const messages = lost.reduce((sum, { places }) => sum + places.length, 0)
    if (lastSequenceId >= 0) return log('info', 'pulsar.not-arrived', { topic, messages })
    // A broker that names no number at all knows none: what it has of these it will take a second time.
    const advice =
      'turn deduplication on for the namespace or the broker; it also forgets producers that were silent for hours'
    log('warn', 'pulsar.not-deduplicated', { topic, maybeTwice: messages, advice })
  }

  /** Who waits for others to go keeps his place in their queue, while the messages are told to wait. */
  #within(opening: Promise<Producer>, timeoutMs: number): Promise<Producer> {
    return new Promise((settle, fail) => {
      const waits = new TrestleError('E607', `${this.#topic}: waiting for other producers to go`, {
        detail: { place: this.#topic, advice: 'end the other producers, or choose another access_mode' },
      })
      const timer = setTimeout(() => fail(waits), timeoutMs)
      opening.then(settle, fail).finally(() => clearTimeout(timer))
    })
  }
}
